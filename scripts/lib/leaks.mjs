import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** Tests hand this variable to all they start; what still has it afterwards was left behind. */
export const runVariable = "SHIMYARD_TEST_RUN";

/** What takes a moment to end by itself gets this long; milliseconds. */
const settleTime = 10_000;

/**
 * What a container manager could leave on a machine, each as a line for people.
 * @typedef {Set<string>} Traces
 */

/**
 * @param {string} run this run's value of {@link runVariable}
 * @returns {Promise<Traces>}
 */
export async function traces(run) {
  const found = await Promise.all([
    processes(run),
    mounts(),
    loops(),
    entries("/run/netns", "network namespace"),
    entries("/run/shimyard-ports", "published ports"),
    interfaces(),
    tables(),
    entries("/run/runc", "runc state"),
    entries("/run/crun", "crun state"),
  ]);
  return new Set(found.flat());
}

/**
 * Waits for what is still ending, then answers what was not there before.
 * @param {Traces} before
 * @param {string} run
 * @returns {Promise<string[]>}
 */
export async function leaksSince(before, run) {
  const until = Date.now() + settleTime;
  for (;;) {
    const left = [...(await traces(run))].filter((trace) => !before.has(trace));
    if (left.length === 0 || Date.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/**
 * Processes of this run, and shims of nobody else's.
 * @param {string} run
 */
async function processes(run) {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      if (Number(pid) === process.pid) return "";
      const [command, environment] = await Promise.all([
        readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
        readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""),
      ]);
      if (command === "") return "";
      const owner = environment
        .split("\0")
        .find((variable) => variable.startsWith(`${runVariable}=`))
        ?.slice(runVariable.length + 1);
      const shim = /(^|\/)conmon\0/.test(command);
      if (owner !== run && !(shim && owner === undefined)) return "";
      return `process ${pid}: ${command.replaceAll("\0", " ").trim().slice(0, 160)}`;
    }),
  );
  return lines.filter(Boolean);
}

/** Bridges and veth pairs, which a manager names like this (electron/core/network/host-network.ts). */
async function interfaces() {
  const names = await readdir("/sys/class/net").catch(() => []);
  return names.filter((name) => /^s[yv][0-9a-f]{6}-/.test(name)).map((name) => `interface ${name}`);
}

/** nftables' of a manager. Only root may know, and only root makes any. */
async function tables() {
  const { stdout } = await promisify(execFile)("nft", ["list", "tables"]).catch(() => ({
    stdout: "",
  }));
  return stdout.split("\n").filter((line) => line.startsWith("table inet shimyard_"));
}

/** Loop devices that have a file. */
async function loops() {
  const names = (await readdir("/sys/block").catch(() => [])).filter((name) =>
    name.startsWith("loop"),
  );
  const files = await Promise.all(
    names.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, "utf8").catch(() => "")),
  );
  return files.filter(Boolean).map((file) => `loop device of ${file.trim()}`);
}

async function mounts() {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return parseMountPoints(text).map((path) => `mount ${path}`);
}

/**
 * @param {string} mountinfo proc_pid_mountinfo(5): the fifth field is the mount point
 * @returns {string[]}
 */
export function parseMountPoints(mountinfo) {
  return mountinfo
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter(Boolean);
}

/**
 * @param {string} directory
 * @param {string} kind
 */
async function entries(directory, kind) {
  const names = await readdir(directory).catch(() => []);
  return names.map((name) => `${kind} ${directory}/${name}`);
}
