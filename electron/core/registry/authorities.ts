import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "#shared/errors";
import { readRegularFile } from "../base/regular-file.ts";
import type { HostConfig } from "./registry-config.ts";

/** Where podman and docker look for certificates, in a directory for each `HOST` or `HOST:PORT` (containers-certs.d(5)). */
export const certificateDirs = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

/**
 * Whom to trust with this host besides the system's authorities, as PEM text: the file that its settings name, else
 * what podman or docker trust. Undefined for nobody. NOT_FOUND when the file of the settings is gone.
 */
export async function readAuthorities(
  { host, caFile }: HostConfig,
  directories: string[],
): Promise<string | undefined> {
  if (caFile !== undefined) {
    try {
      return await readRegularFile(caFile);
    } catch (error) {
      throw AppError.wrap(error, `The certificate authority of ${host} can't be read`, {
        subject: host,
        hint: `Check ${caFile}, or choose another file in the registry's settings.`,
      });
    }
  }
  const found: string[] = [];
  for (const directory of directories) {
    const own = join(directory, host);
    for (const name of await readdir(own).catch(() => [])) {
      // An authority is a .crt; .cert and .key are for clients.
      if (!name.endsWith(".crt")) continue;
      const text = await readFile(join(own, name), "utf8").catch(() => undefined);
      if (text !== undefined) found.push(text);
    }
  }
  return found.length > 0 ? found.join("\n") : undefined;
}
