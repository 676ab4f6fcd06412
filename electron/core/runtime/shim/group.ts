import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "#core/host/command";
import { type Paths, bundleDir, tasksDir } from "#core/host/paths";
import { readRecord } from "../bundle.ts";
import { ociError } from "../oci/oci-error.ts";
import { readNumber } from "../process-dir.ts";
import { mountArgs } from "../rootfs-mount.ts";
import type { CreateRequest, RootfsMount } from "../runtime.ts";
import { Serial } from "../serial.ts";
import type { ShimShared } from "./shared.ts";

/**
 * Containers that share a shim. The runc shim names its socket after this annotation, and `start` in a second bundle
 * answers with the first one's shim (containerd's runtime/v2/runc/manager). That shim stays in the first bundle, as its
 * directory, whether or not that is still there, and has a mount namespace of its own, as every shim here.
 *
 * A bundle whose container a shim holds notes that shim's pid (processes/init/shim.pid), until the container is let go
 * of: so the disk tells who else is in a shim, also while a manager is still loading.
 */
const annotation = "io.containerd.runc.v2.group";

/** The name that the shim is told, of this runtime's own. No container's id, after which others are named, has a colon. */
export function groupName(runtimeId: string, group: string): string {
  return `group:${runtimeId}:${group}`;
}

/** The same request with what makes the shim put the container into its group, if it has one. */
export function inGroup(runtimeId: string, request: CreateRequest): CreateRequest {
  const { shimGroup, spec } = request;
  if (shimGroup === undefined) return request;
  const annotations = { ...spec.annotations, [annotation]: groupName(runtimeId, shimGroup) };
  return { ...request, spec: { ...spec, annotations } };
}

const turns = new Map<string, Serial>();

/** Who joins a group, and who is the last to leave it, must not cross. Nothing to wait for without a group. */
export function inTurn<T>(
  { paths, id }: { paths: Paths; id: string },
  { namespace, shimGroup }: { namespace: string; shimGroup?: string | undefined },
  work: () => Promise<T>,
): Promise<T> {
  if (shimGroup === undefined) return work();
  const key = JSON.stringify([paths.state, id, namespace, shimGroup]);
  const turn = turns.get(key) ?? new Serial();
  turns.set(key, turn);
  return turn.run(work);
}

/**
 * The bundles of groups, by the pid of the shim that holds their containers. Others keep their shim's note after its
 * end, and the number may be another's by now.
 */
export async function shimUsers(paths: Paths): Promise<Map<number, string[]>> {
  const users = new Map<number, string[]>();
  const root = tasksDir(paths);
  const look = async (namespace: string, id: string): Promise<void> => {
    const path = bundleDir(paths, namespace, id);
    const pid = await readNumber(join(path, "processes", "init", "shim.pid"));
    if (pid === undefined) return;
    const record = await readRecord({ namespace, id, path }).catch(() => undefined);
    // One that can't be read may be of a group.
    if (record && record.shimGroup === undefined) return;
    users.set(pid, [...(users.get(pid) ?? []), path]);
  };
  for (const namespace of await names(root)) {
    const ids = await names(join(root, namespace));
    await Promise.all(ids.map((id) => look(namespace, id)));
  }
  return users;
}

/** Whether that shim holds another container than this bundle's. */
export async function isShared(paths: Paths, shim: number, bundle: string): Promise<boolean> {
  return ((await shimUsers(paths)).get(shim) ?? []).some((path) => path !== bundle);
}

/** Mounts a root file system where a shim that runs already sees it. */
export async function mountInShim(
  shared: ShimShared,
  shim: number,
  rootfs: { mount: RootfsMount; target: string },
  context: string,
): Promise<void> {
  const { busybox, privileges } = shared;
  const options = { busybox, rootless: privileges.rootless };
  const argv = mountArgs(rootfs.mount, rootfs.target, options, ["true"]);
  const result = await runCommand([...enter(shim), ...argv]);
  if (result.code !== 0) throw ociError(context, result.stderr.toString("utf8"));
}

/**
 * A shim leaves mounted what it has not mounted itself. Best effort: there may be nothing. Twice, as what layers that
 * are files are mounted in lies under the overlay (mountScript) and goes with all of them.
 */
export async function unmountInShim(shim: number, target: string): Promise<void> {
  await runCommand([...enter(shim), "umount", "-l", target, target]).catch(() => {});
}

function enter(shim: number): string[] {
  return ["nsenter", `--mount=/proc/${shim}/ns/mnt`, "--"];
}

function names(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}
