import { choosePrivileges } from "#core/host/privileges";
import { resolvePaths } from "#core/host/paths";
import { acquireLock } from "#core/host/lock";
import { AppError } from "#shared/errors";
import { createContainerdRuntimes } from "./containerd/plugin.ts";
import { TaskManager } from "./manager.ts";
import { createOciRuntimes } from "./oci/plugin.ts";
import { RuntimeRegistry } from "./plugin.ts";
import type { CreateRequest } from "./runtime.ts";
import { createShimRuntimes } from "./shim/plugin.ts";

/**
 * A manager in a process of its own, for tests that kill it or run it as another user. One JSON command a line
 * on standard input, one JSON answer a line on standard output. Its arguments: the root, and where it is not the
 * installed one, the containerd shim.
 */
type Command =
  | { do: "create"; runtime: string; request: CreateRequest }
  | { do: "expect"; runtime: string; request: CreateRequest }
  | { do: "list" }
  | { do: "run"; id: string; args: string[]; user?: string }
  | { do: "spawn"; id: string; process: string; args: string[]; terminal: boolean }
  | { do: "write"; id: string; process: string; input: string }
  | { do: "exec"; id: string; process: string; args: string[]; input: string }
  | { do: "kill"; id: string; signal: number }
  | { do: "killShim"; id: string }
  | { do: "wait"; id: string }
  | { do: "delete"; id: string };

const paths = resolvePaths({}, 0, "/", process.argv[2]);
const privileges = choosePrivileges();
await acquireLock({ paths, kind: "test" });
const { runtimes, infos } = await createOciRuntimes({ paths, privileges });
const registry = new RuntimeRegistry();
const shims = await createShimRuntimes({ paths, privileges, shim: process.argv[3] });
for (const runtime of [...runtimes, ...shims.runtimes]) registry.set(runtime);
const containerds = await createContainerdRuntimes({ paths, privileges });
if (containerds) registry.plug(containerds.plugin);
const manager = new TaskManager({ paths, registry, privileges });
await manager.load();
say({ ready: true, infos, broken: manager.broken() });

process.stdin.setEncoding("utf8");
let text = "";
for await (const chunk of process.stdin) {
  text += String(chunk);
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    await answer(JSON.parse(line) as Command);
  }
}

async function answer(command: Command): Promise<void> {
  try {
    say({ ok: await perform(command) });
  } catch (error) {
    say({ error: AppError.from(error).toInfo() });
  }
}

async function perform(command: Command): Promise<unknown> {
  if (command.do === "list") {
    return manager.list().map(({ id, state, shim }) => ({ id, state, shim }));
  }
  if (command.do === "expect") return manager.expect(command.runtime, command.request);
  if (command.do === "create") {
    const task = await manager.create(command.runtime, command.request);
    await task.start();
    return task.state;
  }
  const task = manager.get("default", command.id);
  if (!task) throw new AppError("NOT_FOUND", `no task ${command.id}`);
  if (command.do === "run") {
    const { args, user } = command;
    const { exitCode, stdout, stderr } = await task.run({ args, user, maxOutput: 4096 });
    return { exitCode, stdout: text8(stdout), stderr: text8(stderr) };
  }
  if (command.do === "spawn") {
    const { process: id, args, terminal } = command;
    return (await task.exec({ id, args, terminal })).state.pid;
  }
  if (command.do === "write") {
    const input = await task.process(command.process)?.openInput();
    await input?.write(Buffer.from(command.input));
    return input?.dispose();
  }
  if (command.do === "exec") {
    const { process: id, args } = command;
    const size = { cols: 80, rows: 24 };
    const child = await task.exec({ id, args, terminal: true, size });
    const input = await child.openInput();
    await input.write(Buffer.from(command.input));
    const exit = await child.wait();
    input.dispose();
    return { exit, log: child.logPath };
  }
  if (command.do === "kill") return task.kill(command.signal);
  if (command.do === "killShim") return process.kill(task.shim.pid ?? 0, "SIGKILL");
  if (command.do === "wait") return task.wait();
  return task.delete({ force: true });
}

function text8(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
