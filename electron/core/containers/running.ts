import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerDetail, Limits } from "#shared/contract/containers";
import { AppError, type ErrorInfo } from "#shared/errors";
import { defaultNamespace } from "../base/ids.ts";
import { readMemory } from "../host/process-memory.ts";
import type { Task, TaskStatus, Tasks } from "../runtime/runtime.ts";

const live: TaskStatus[] = ["running", "paused", "shim-lost"];

export function isLive(task: Task | undefined): task is Task {
  return task !== undefined && live.includes(task.state.status);
}

/** Why what is kept of a container's task can't be read; undefined when it can. */
export function brokenOf(tasks: Tasks, id: string): ErrorInfo | undefined {
  return tasks
    .broken()
    .find(({ bundle }) => bundle.id === id && bundle.namespace === defaultNamespace)?.error;
}

/** DATA_LOSS, or what else it is, when what is kept of its task can't be read. */
export function requireWhole(tasks: Tasks, id: string, name: string): void {
  const broken = brokenOf(tasks, id);
  if (!broken) return;
  throw new AppError(broken.code, `What is kept of "${name}" can't be read: ${broken.message}`, {
    ...broken.details,
    hint: "Delete it by force.",
  });
}

/** The shim as the window shows it, with its memory. */
export async function shimOf(task: Task): Promise<NonNullable<ContainerDetail["shim"]>> {
  const { pid, version, startedAt, address: _address, ...shim } = task.shim;
  const pss = pid !== undefined && shim.alive ? (await readMemory(pid))?.pss : undefined;
  return {
    ...shim,
    ...(pid === undefined ? {} : { pid }),
    ...(version === undefined ? {} : { version }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(pss === undefined ? {} : { pss }),
  };
}

/** FAILED_PRECONDITION when a limit is below what is in use: the kernel would refuse (v1) or kill (v2). */
export async function requireRoom(task: Task, name: string, limits: Limits): Promise<void> {
  if (limits.memory === undefined) return;
  const directories = await task.cgroup();
  const directory = directories?.memory ?? directories?.unified;
  if (!directory) return;
  const text = await readFile(join(directory, "memory.stat"), "utf8").catch(() => "");
  // Pages of files can be dropped; what else is there can't (cgroup-v1 memory.txt, cgroup-v2 memory.stat).
  const used = Number(/^(?:total_rss|anon) (\d+)$/m.exec(text)?.[1] ?? 0);
  if (used <= limits.memory) return;
  const mib = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  throw new AppError(
    "FAILED_PRECONDITION",
    `"${name}" uses ${mib(used)} of memory now, more than the limit of ${mib(limits.memory)}`,
    { field: "limits.memory", hint: "Set a higher limit, or stop it first." },
  );
}
