import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { pipeAddress, pipeDirectory } from "#core/host/named-pipe";
import type { Paths } from "#core/host/paths";

/**
 * Where manager and shims find each other: an address for a name. On Windows these are named pipes, elsewhere (for tests
 * against a stand-in) unix sockets, which `net` treats alike.
 */
export interface Transport {
  address(name: string): string;
  /** Those at which somebody listens, or did. */
  names(): Promise<string[]>;
}

export const namedPipes: Transport = {
  address: pipeAddress,
  names: () => readdir(pipeDirectory),
};

/** Only administrators can make pipes of such a name: nobody else can listen in the place of ours. */
const guarded = "ProtectedPrefix\\Administrators\\";

/** A container as its shim knows it. */
export interface ShimRef {
  namespace: string;
  id: string;
}

/** The shim's own choice: hcsshim's cmd/containerd-shim-runhcs-v1/start.go. */
export function shimPipe({ namespace, id }: ShimRef): string {
  return `${guarded}containerd-shim-${namespace}-${id}-pipe`;
}

/** The same, in its serve.go. The shim listens; what it logs goes to whoever has connected last. */
export function logPipe({ namespace, id }: ShimRef): string {
  return `containerd-shim-${namespace}-${id}-log`;
}

/** Where the shims of a root send their events. */
export function eventsPipe(paths: Paths): string {
  return `${guarded}shimyard-${hash(paths.data)}-events`;
}

/** One of a process's streams. The manager listens, and the shim connects once. */
export function streamPipe(unique: string, stream: string): string {
  return `${guarded}shimyard-${unique}-${stream}`;
}

/**
 * What a container is called towards its shim: Windows has one space of names for the containers of all roots,
 * namespaces and managers.
 */
export function shimId(paths: Paths, { namespace, id }: { namespace: string; id: string }): string {
  return `${id}.${hash(`${paths.data}\0${namespace}\0${id}`)}`;
}

/** The containers of this root whose shims listen; no other's can pass for one. */
export async function listeningShims(
  transport: Transport,
  paths: Paths,
): Promise<{ namespace: string; id: string }[]> {
  const found: { namespace: string; id: string }[] = [];
  for (const name of await transport.names().catch(() => [])) {
    const words = /containerd-shim-(.+)\.[0-9a-f]{12}-pipe$/.exec(name)?.[1] ?? "";
    // Both parts may have dashes: the right division is the one that gives the same name again.
    for (let at = words.indexOf("-"); at > 0; at = words.indexOf("-", at + 1)) {
      const ref = { namespace: words.slice(0, at), id: words.slice(at + 1) };
      const own = `${ref.namespace}-${shimId(paths, ref)}-pipe`;
      if (name.endsWith(`containerd-shim-${own}`)) found.push(ref);
    }
  }
  return found;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
