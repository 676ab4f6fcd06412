import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "#core/host/command";
import { choosePrivileges } from "#core/host/privileges";
import {
  type Isolation,
  type Start,
  startIsolated,
  startPiped,
  takeIsolated,
  waiting,
} from "./starter.ts";

const run = promisify(execFile);
const isolation: Isolation = { privileges: choosePrivileges(), busybox: "/bin/busybox" };
/** Longer than it takes until the next process is made ready. */
const idle = 800;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard starter's-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function wordsOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdio[3]?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stderr?.resume();
  await once(child, "close");
  return text;
}

/** Starts one that looks at `uses`, made ready if one is. */
async function start(command: Start, uses: string[]): Promise<ChildProcess> {
  return startIsolated(command, isolation, await takeIsolated(isolation, uses));
}

/** Starts a process that tells its mount namespace, its directory and its words. */
async function tell(words: string[]): Promise<{ namespace: string; text: string; pid: number }> {
  const script = 'readlink /proc/self/ns/mnt >&3; printf "%s\\0" "$PWD" "$@" >&3';
  const argv = ["sh", "-c", script, "sh", ...words];
  const child = await start({ argv, cwd: dir }, [dir]);
  const all = await wordsOf(child);
  const end = all.indexOf("\n");
  return { namespace: all.slice(0, end), text: all.slice(end + 1), pid: child.pid as number };
}

const words = ["a b", "'", '"', "$(exit 3)", "", "\\", " x ", "-n", "ü"];

test("a process gets its words as they are, at once or made ready, and namespaces of its own", async () => {
  const expected = [dir, ...words].map((word) => `${word}\0`).join("");
  const own = await readlink("/proc/self/ns/mnt");
  const first = await tell(words);
  await wait(idle);
  const second = await tell(words);
  await wait(idle);
  const broken = await tell(["line\nbreak"]);
  expect(broken.text).toBe(`${dir}\0line\nbreak\0`);
  for (const { namespace, text } of [first, second]) {
    expect(text).toBe(expected);
    expect(namespace).toMatch(/^mnt:/);
    expect(namespace).not.toBe(own);
  }
});

test("one made ready before a mount came is used by who does not look there", async (context) => {
  if (isolation.privileges.rootless) context.skip("only root can mount something");
  const at = join(dir, "mount point");
  const other = join(dir, "other");
  for (const one of [at, other]) await mkdir(one, { recursive: true });
  await tell([]);
  for (const uses of [other, at]) {
    await wait(idle);
    await run("mount", ["-t", "tmpfs", "tmpfs", at]);
    try {
      const taken = await takeIsolated(isolation, [uses]);
      expect(taken !== undefined).toBe(uses === other);
      const argv = ["sh", "-c", 'stat -f -c %T "$1" >&3', "sh", at];
      const child = startIsolated({ argv, cwd: "/" }, isolation, taken);
      const seen = await wordsOf(child);
      if (uses === at) expect(seen).toBe("tmpfs\n");
    } finally {
      await run("umount", [at]);
    }
  }
});

test("one that was killed while it waited is not used", async () => {
  await tell([]);
  await wait(idle);
  const { stdout } = await run("pgrep", ["-P", String(process.pid), "-f", "xargs -0"]);
  for (const pid of stdout.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
  await wait(50);
  expect((await tell(["x"])).text).toBe(`${dir}\0x\0`);
});

test("a command is run to its end with its output and exit status, once one waits", async () => {
  const argv = ["sh", "-c", 'echo "$1"; echo err >&2; read x || exit 7', "sh", "a b"];
  const start = { argv, cwd: dir };
  expect(startPiped(start, "/bin/busybox")).toBeUndefined();
  await wait(idle);
  const started = startPiped(start, "/bin/busybox");
  const result = await runCommand(argv, { started });
  expect(result).toMatchObject({ code: 7, truncated: false });
  expect(result.stdout.toString()).toBe("a b\n");
  expect(result.stderr.toString()).toBe("err\n");
  await wait(idle);
  const endless = startPiped({ argv: ["sleep", "100"], cwd: dir }, "/bin/busybox");
  const stop = AbortSignal.timeout(50);
  await expect(runCommand(["sleep"], { started: endless, signal: stop })).rejects.toMatchObject({
    code: "CANCELLED",
  });
});

test("what waits ends, and does nothing, when who made it ready has gone", async () => {
  for (const kind of [isolation, undefined]) {
    const [file = "", ...args] = waiting("/bin/busybox", kind);
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "ignore", "pipe"] });
    child.stdin?.destroy();
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
  }
});
