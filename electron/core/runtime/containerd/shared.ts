import { createHash } from "node:crypto";
import { defaultNamespace } from "#core/base/ids";
import type { HostShared } from "../host-shared.ts";

/** What the tasks in one containerd share. `id` is `containerd` and the path of its socket. */
export interface ContainerdShared extends HostShared {
  /** Its socket's path. */
  address: string;
}

/** The label that says of a container in containerd whose it is: other roots may use the same containerd. */
export const rootLabel = "shimyard/root";

export function rootMark({ paths }: Pick<ContainerdShared, "paths">): string {
  return createHash("sha256").update(paths.data).digest("hex").slice(0, 16);
}

const own = "shimyard";

/** The namespace of ours in containerd for one of our namespaces. */
export function containerdNamespace(namespace: string): string {
  return namespace === defaultNamespace ? own : `${own}-${namespace}`;
}

/** Back; undefined for one that is not of ours. */
export function ownNamespace(namespace: string): string | undefined {
  if (namespace === own) return defaultNamespace;
  return namespace.startsWith(`${own}-`) ? namespace.slice(own.length + 1) : undefined;
}
