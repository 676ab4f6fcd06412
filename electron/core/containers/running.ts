import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerDetail, Limits } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { readMemory } from "../host/process-memory.ts";
import type { Task } from "../runtime/runtime.ts";

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
