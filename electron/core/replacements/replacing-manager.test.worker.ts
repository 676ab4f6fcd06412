import type { ContainerConfig } from "#shared/contract/containers";
import { createCore } from "../core.ts";
import { resolvePaths } from "../host/paths.ts";

/**
 * For replacement.behaviour.test.ts: a manager that replaces the container with this id, and kills itself when that
 * operation says `step`, some milliseconds later.
 */
const [root = "", id = "", config = "", step = "", later = "0"] = process.argv.slice(2);
const core = await createCore({
  paths: resolvePaths({}, 0, "/root", root),
  version: "0.0.0",
  kind: "test",
});
await core.ready;
const die = (): void => void process.kill(process.pid, "SIGKILL");
core.replacements.replace({ id, config: JSON.parse(config) as ContainerConfig }).catch(() => {
  // Undone before the step came.
});
for await (const { put } of core.operations.watch(new AbortController().signal)) {
  if (!put.some(({ kind, detail }) => kind === "recreate" && detail?.startsWith(step))) continue;
  if (later === "0") die();
  setTimeout(die, Number(later));
}
