import type { Engine } from "#shared/contract/system";
import { type Host, thisHost } from "./this-host.ts";
import { execute, firstExecutable, parseVersion } from "./prerequisites-tools.ts";

/** Other programs of this machine that could run a container without this app. */
export async function findEngines(
  options: { signal?: AbortSignal } = {},
  host: Host = thisHost(),
): Promise<Engine[]> {
  const found = await Promise.all(
    (["podman", "docker"] as const).map(async (name): Promise<Engine | undefined> => {
      const path = await firstExecutable([name], host);
      if (path === undefined) return undefined;
      const { output } = await execute([path, "--version"], options.signal);
      const version = parseVersion(output);
      return { name, path, ...(version === undefined ? {} : { version }) };
    }),
  );
  return found.filter((engine) => engine !== undefined);
}
