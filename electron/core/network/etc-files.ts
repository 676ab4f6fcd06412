import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dns } from "#shared/contract/container-options";
import { containerDir, type Paths } from "../host/paths.ts";
import type { OciSpec } from "../runtime/runtime.ts";

/** What a container is told of its network, bind-mounted over its image's files as docker does. */
export interface EtcFiles {
  hostname: string;
  /** Its own addresses, by which it finds itself. */
  addresses: string[];
  /** Name servers; empty: there is nobody to ask. */
  nameservers: string[];
  /** Lines of the machine's own resolv.conf that go with its name servers. */
  search: string[];
  /** Others that it knows by name. */
  extraHosts: { host: string; ip: string }[];
}

const files = ["hosts", "resolv.conf", "hostname"] as const;

/** Where they are in a container. An image that has none of a name gets an empty file, for the mount to lie on. */
export const etcPaths: ReadonlySet<string> = new Set(files.map((name) => `/etc/${name}`));

const etcDir = (paths: Paths, namespace: string, id: string): string =>
  join(containerDir(paths, namespace, id), "etc");

export function etcMounts(paths: Paths, namespace: string, id: string): OciSpec["mounts"] {
  const directory = etcDir(paths, namespace, id);
  return files.map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: join(directory, name),
    options: ["rbind", "rprivate", "rw"],
  }));
}

/** Written in place: a container that runs sees the change. */
export async function writeEtcFiles(
  paths: Paths,
  namespace: string,
  id: string,
  etc: EtcFiles,
): Promise<void> {
  const directory = etcDir(paths, namespace, id);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const { hostname, addresses, nameservers, search, extraHosts } = etc;
  const texts = {
    hosts: [
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "fe00::\tip6-localnet",
      "ff00::\tip6-mcastprefix",
      "ff02::1\tip6-allnodes",
      "ff02::2\tip6-allrouters",
      ...extraHosts.map(({ host, ip }) => `${ip}\t${host}`),
      ...addresses.map((address) => `${address}\t${hostname}`),
    ],
    "resolv.conf": [...search, ...nameservers.map((address) => `nameserver ${address}`)],
    hostname: [hostname],
  };
  await Promise.all(
    files.map(async (name) => {
      await writeFile(join(directory, name), `${texts[name].join("\n")}\n`);
      // Whoever the container runs as is to read it, whatever our umask is.
      await chmod(join(directory, name), 0o644);
    }),
  );
}

/** Whom this machine asks for names: resolv.conf(5). */
export const resolvConf = "/etc/resolv.conf";
/** systemd-resolved's own servers: 127.0.0.53 in /etc/resolv.conf is nobody inside a container. */
const resolvedFile = "/run/systemd/resolve/resolv.conf";

/** Whom this machine asks for names, and how. */
export interface Resolver {
  /** Everyone it asks. */
  all: string[];
  /** Those that can be asked from elsewhere than this machine. */
  nameservers: string[];
  /** Lines that go with them. */
  search: string[];
}

export async function hostResolver(): Promise<Resolver> {
  const main = parseResolv(await readFile(resolvConf, "utf8").catch(() => ""));
  if (main.nameservers.length > 0) return main;
  const resolved = parseResolv(await readFile(resolvedFile, "utf8").catch(() => ""));
  return { ...main, nameservers: resolved.nameservers };
}

/** resolv.conf(5) */
export function parseResolv(text: string): Resolver {
  const lines = text.split("\n").map((line) => line.trim());
  const all = lines.flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return {
    all,
    // Loopback is another one in a container, and a link-local address means nothing on another link.
    nameservers: all.filter((address) => !/^(127\.|::1$|fe80:)/i.test(address)),
    search: lines.filter((line) => /^(search|domain|options)\s/.test(line)),
  };
}

/** This machine's own lines, but for those that the container has others for. */
export function searchLines(host: readonly string[], { search, options }: Dns): string[] {
  const kept = host.filter((line) =>
    line.startsWith("options") ? options === undefined : search === undefined,
  );
  return [
    ...kept,
    // docker's `.`: nowhere.
    ...(search && !search.includes(".") ? [`search ${search.join(" ")}`] : []),
    ...(options ? [`options ${options.join(" ")}`] : []),
  ];
}
