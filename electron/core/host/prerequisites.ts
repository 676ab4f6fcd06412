import { setMaxListeners } from "node:events";
import type { Prerequisite } from "#shared/contract/system";
import { readDistribution } from "./distribution.ts";
import { kernelFeatures } from "./prerequisites-kernel.ts";
import { findTool, tools } from "./prerequisites-tools.ts";
import { type Host, thisHost } from "./this-host.ts";

/**
 * Everything that Shimyard uses of this machine, found or not, in the order in which the window
 * shows it. Each tool found is really run. `instead` has the paths of
 * tools to be preferred to those on the PATH, by name.
 * Rejects only when `signal` aborts.
 */
export async function findPrerequisites(
  options: { signal?: AbortSignal; instead?: Record<string, string> } = {},
  host: Host = thisHost(),
): Promise<Prerequisite[]> {
  const distribution = await readDistribution(host.root);
  // Of our own, as each tool that runs listens to it: more than Node expects of one signal.
  const signal = options.signal && AbortSignal.any([options.signal]);
  if (signal) setMaxListeners(tools.length + 1, signal);
  const [found, kernel] = await Promise.all([
    Promise.all(
      tools.map((tool) =>
        findTool(tool, host, distribution.packageManager, { ...options, signal }),
      ),
    ),
    kernelFeatures(host, signal),
  ]);
  signal?.throwIfAborted();
  return [...requireOneRuntime(found), ...kernel];
}

/** runc and crun stand in for each other: one is required only while the other can't be used. */
function requireOneRuntime(list: Prerequisite[]): Prerequisite[] {
  const usable = list.some(
    ({ name, status }) => (name === "runc" || name === "crun") && status === "found",
  );
  return list.map((item) => (item.name === "runc" ? { ...item, required: !usable } : item));
}
