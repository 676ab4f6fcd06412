import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";

/** Runs a command to its end and answers its output; rejects with its own words when it fails. */
export async function run(argv: string[], options: { cwd?: string } = {}): Promise<string> {
  const [file, ...args] = argv as [string, ...string[]];
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw new Error(`${argv.join(" ")} failed: ${Buffer.concat(err).toString().trim()}`);
  }
  return Buffer.concat(out).toString();
}

/**
 * Runs a command whose child may keep its standard streams (`runc create`): they all lead to
 * /dev/null, and its end is its own, not that of whoever inherited them.
 */
export async function runDetached(argv: string[]): Promise<void> {
  const [file, ...args] = argv as [string, ...string[]];
  const child = spawn(file, args, { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with status ${code}`);
}

/**
 * A daemon of ours: its output goes to `log`. It is ended with `end`, and not by the terminal's Ctrl-C,
 * which is why it has a session of its own: its containers are to be removed through it first.
 */
export function startDaemon(
  argv: string[],
  log: string,
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const [file, ...args] = argv as [string, ...string[]];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env, detached: true });
  const output = createWriteStream(log);
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  child.once("close", () => output.end());
  child.on("error", (error) => output.write(`${String(error)}\n`));
  return child;
}

/** SIGTERM, then SIGKILL after 20 s; resolves when it has ended. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(timer);
}

export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Asks every 50 ms until it answers true; `what` is named when that takes longer than 30 s. */
export async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await probe())) {
    if (Date.now() > deadline) throw new Error(`${what} took longer than 30 s`);
    await sleep(50);
  }
}
