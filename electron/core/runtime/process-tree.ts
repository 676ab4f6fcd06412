import { readdir } from "node:fs/promises";
import { AppError, isCode } from "#shared/errors";
import { processStat } from "../host/proc.ts";
import { signalPid } from "./process-dir.ts";

const sigkill = 9;
const sigstop = 19;

/**
 * Kills a process of this machine and all that descend from it. Answers those that are for another user of a user
 * namespace to kill.
 */
export async function endTree(pid: number): Promise<number[]> {
  // So that it starts no more of them, nor leaves them to init, while they are looked for.
  signal(pid, sigstop);
  const tree = new Set([pid]);
  const children = await childrenByParent();
  // A set may grow while it is gone through.
  for (const parent of tree) for (const child of children.get(parent) ?? []) tree.add(child);
  return [...tree].filter((one) => !signal(one, sigkill));
}

/** False when it is not ours to signal. */
function signal(pid: number, number: number): boolean {
  try {
    signalPid(pid, number);
    return true;
  } catch (error) {
    if (isCode(AppError.from(error), "PERMISSION_DENIED")) return false;
    throw error;
  }
}

async function childrenByParent(): Promise<Map<number, number[]>> {
  const children = new Map<number, number[]>();
  for (const name of await readdir("/proc")) {
    const stat = /^\d+$/.test(name) ? await processStat(Number(name)) : undefined;
    if (stat) children.set(stat.ppid, [...(children.get(stat.ppid) ?? []), Number(name)]);
  }
  return children;
}
