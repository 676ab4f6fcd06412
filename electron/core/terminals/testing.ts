import { choosePrivileges } from "#core/host/privileges";
import { TaskManager } from "../runtime/manager.ts";
import { createOciRuntimes } from "../runtime/oci/plugin.ts";
import { RuntimeRegistry } from "../runtime/plugin.ts";
import type { Task } from "../runtime/runtime.ts";
import { rememberHost, type TestRoot } from "../runtime/testing.ts";

/** A manager of a root, with every task found that an earlier one left; as a start of the app makes it. */
export async function startManager({ paths }: TestRoot): Promise<TaskManager> {
  const privileges = choosePrivileges();
  await rememberHost(paths);
  const registry = new RuntimeRegistry();
  const { runtimes } = await createOciRuntimes({ paths, privileges });
  for (const runtime of runtimes) registry.set(runtime);
  const manager = new TaskManager({ paths, registry, privileges });
  await manager.load();
  return manager;
}

/** A container of runc that runs. */
export async function startContainer(
  manager: TaskManager,
  root: TestRoot,
  id: string,
  args: string[],
  change?: Parameters<TestRoot["request"]>[2],
): Promise<Task> {
  const task = await manager.create("oci/runc", await root.request(id, args, change));
  await task.start();
  return task;
}
