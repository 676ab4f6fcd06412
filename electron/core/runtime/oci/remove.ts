import { removeCgroup } from "#core/host/cgroup";
import type { Bundle } from "../bundle.ts";
import { clearCgroup } from "../task-cgroup.ts";
import type { OciShared } from "./shared.ts";

/**
 * Removes a container whose init has exited as the runtime's own `delete` does, without starting it (8 ms of
 * runc): its cgroup, then its directory under --root. Only where that is all there is to it: no hooks to run, and
 * a pid namespace of its own, which took every process along. False when `delete` itself must do it.
 */
export async function removeByHand(shared: OciShared, bundle: Bundle): Promise<boolean> {
  const { cgroupsPath, namespace, id } = bundle.record;
  if (shared.privileges.rootless || !cgroupsPath?.startsWith("/")) return false;
  const spec = await bundle.spec();
  const pidNamespace = spec.linux.namespaces.find(({ type }) => type === "pid");
  if (spec.hooks || !pidNamespace || pidNamespace.path !== undefined) return false;
  // runsc itself takes more than a second, and crashes of a container that was killed while paused. Its helper ends
  // with the sandbox, or now.
  if (shared.binary.sandbox) await clearCgroup(bundle.ref);
  else if (!(await removeCgroup(cgroupsPath))) return false;
  await shared.cli.discard(namespace, id);
  return true;
}
