import { readdir, rm, stat as fileStat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readyCgroupLock } from "#core/host/cgroup-lock";
import { processStat, startTimeToEpoch } from "#core/host/proc";
import { runCommand } from "#core/host/command";
import type { Bundle } from "../bundle.ts";
import type { CallOptions, RunRequest, RunResult } from "../runtime.ts";
import { execProcess } from "./exec-process.ts";
import { ociError, readLog, runtimeWords } from "./oci-error.ts";
import { readNumber } from "../process-dir.ts";
import { endTree } from "../process-tree.ts";
import { sandboxKill } from "./runsc-kill.ts";
import type { OciShared } from "./shared.ts";
import { startPiped } from "./starter.ts";

/** Milliseconds: a day. Whoever wants less aborts. */
const runTimeout = 24 * 3600 * 1000;

/**
 * A pipe at its end, not /dev/null: an exec of crun's (1.8) gives its standard input to the user that it is for, and
 * /dev/null is this machine's.
 */
const noInput = new Uint8Array();

let runs = 0;

/**
 * `runc exec` with pipes to us and no shim: costs hardly more than the runtime's own exec. The runtime's words
 * go to a log of their own, so that a command's exit code and output are never taken for them.
 */
export async function runInside(
  shared: Pick<OciShared, "cli" | "privileges" | "busybox">,
  bundle: Bundle,
  target: { entry: number | undefined; root: string },
  request: RunRequest,
  options: CallOptions,
): Promise<RunResult> {
  const { cli, privileges, busybox } = shared;
  const { namespace, id, path } = bundle.ref;
  const base = join(path, `run-${process.pid}-${runs++}`);
  const files = { spec: `${base}.json`, log: `${base}.log`, pid: `${base}.pid` };
  const spec = await execProcess(await bundle.spec(), request, target.root, privileges);
  try {
    readyCgroupLock();
    await writeFile(files.spec, JSON.stringify(spec), { mode: 0o600 });
    const pidFile = cli.binary.sandbox ? "--internal-pid-file" : "--pid-file";
    const args = ["exec", "--process", files.spec, pidFile, files.pid, cli.name(namespace, id)];
    const argv = cli.argv(namespace, target.entry, args, files.log);
    const end = async (pid: number): Promise<void> => {
      if (cli.binary.sandbox) return sandboxKill(cli, bundle.ref, pid, 9);
      const others = await endTree(pid);
      if (others.length === 0) return;
      const kill = [...(busybox ? [busybox] : []), "kill", "-9", ...others.map(String)];
      await runCommand(privileges.enter(target.entry, kill));
    };
    options.signal?.throwIfAborted();
    const result = await runCommand(argv, {
      started:
        busybox !== undefined && request.stdin === undefined
          ? startPiped({ argv, cwd: path, path: cli.path }, busybox)
          : undefined,
      signal: options.signal,
      timeout: runTimeout,
      stdin: request.stdin ?? noInput,
      maxOutput: request.maxOutput,
      env: cli.env(),
      // The command first: ended alone, the runtime would leave it behind.
      onStop: (kill) =>
        void stopCommand(files.pid, end)
          .catch(() => undefined)
          .finally(() => kill("SIGKILL")),
    });
    if (result.code !== 0) {
      const words = runtimeWords(await readLog(files.log));
      if (words !== "") throw ociError(`The command could not be run in container "${id}"`, words);
    }
    const { code, stdout, stderr, truncated } = result;
    return { exitCode: code, stdout, stderr, truncated };
  } finally {
    // Nobody need wait for it; what a killed manager leaves of them goes with the bundle.
    for (const file of Object.values(files)) void rm(file, { force: true }).catch(() => {});
  }
}

/** A clock that counts seconds tells when a process began; milliseconds. */
const startSlack = 1000;

/**
 * Ends the commands that a killed manager ran in a container, for which nobody waits any more. Only what is in the
 * container, and was when its pid was written down, is taken for one.
 */
export async function endLeftRuns(
  bundle: string,
  livePids: () => Promise<number[]>,
): Promise<void> {
  const left = (await readdir(bundle)).filter((name) => /^run-\d+-\d+\.(json|log|pid)$/.test(name));
  if (left.length === 0) return;
  const live = new Set(await livePids());
  for (const name of left) {
    const file = join(bundle, name);
    const pid = name.endsWith(".pid") ? await readNumber(file) : undefined;
    const stat = pid !== undefined && live.has(pid) ? await processStat(pid) : undefined;
    if (pid !== undefined && stat) {
      const written = (await fileStat(file)).mtimeMs;
      if ((await startTimeToEpoch(stat.startTime)) <= written + startSlack) await endTree(pid);
    }
    await rm(file, { force: true });
  }
}

/**
 * Kills what the runtime has started, or is about to: its pid file comes within moments. With its children, which would
 * else hold its output open and go on.
 */
async function stopCommand(pidFile: string, end: (pid: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const pid = await readNumber(pidFile);
    if (pid !== undefined) {
      await end(pid);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
