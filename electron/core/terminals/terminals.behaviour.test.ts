import { readFile, readdir } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AsyncQueue } from "#shared/base/async-queue";
import type { TerminalInput, TerminalOutput } from "#shared/contract/terminals";
import { AppError } from "#shared/errors";
import type { TaskManager } from "../runtime/manager.ts";
import { makeTestRoot, type TestRoot } from "../runtime/testing.ts";
import { TerminalLog } from "./terminal-log.ts";
import { TerminalService } from "./terminal-service.ts";
import { startContainer, startManager } from "./testing.ts";

const size = { cols: 80, rows: 24 };
const sleep = ["sleep", "1000"];

let root: TestRoot;
let manager: TaskManager;
let service: TerminalService;
let windows: Window[];

beforeEach(async () => {
  root = await makeTestRoot();
  windows = [];
  await start();
});

afterEach(async () => {
  for (const window of windows) window.close();
  service.dispose();
  for (const task of manager.list()) await task.delete({ force: true });
  manager.dispose();
  await root.close();
});

/** The id of a container that has a name. */
const named = "f00d".repeat(16);

async function start(): Promise<void> {
  manager = await startManager(root);
  service = new TerminalService({
    ...{ tasks: manager, namespace: "default" },
    nameOf: (id) => (id === named ? "orders" : undefined),
  });
  await service.load();
}

/** The app goes without a word to anybody, and comes again. */
async function restart(): Promise<void> {
  for (const window of windows) window.close();
  service.dispose();
  manager.dispose();
  await start();
}

/** What a window does with a connection: types, and keeps every byte it was sent. */
class Window {
  readonly #up = new AsyncQueue<TerminalInput>();
  readonly #controller = new AbortController();
  readonly #items: AsyncGenerator<TerminalOutput>;
  readonly bytes: Uint8Array[] = [];
  screen: Extract<TerminalOutput, { type: "screen" }> | undefined;
  live = false;
  exit: Extract<TerminalOutput, { type: "exit" }> | undefined;
  offset = 0;

  constructor(id: string) {
    this.#items = service.connect({ id }, this.#up, this.#controller);
    windows.push(this);
  }

  get text(): string {
    return Buffer.concat(this.bytes).toString();
  }

  type(text: string): void {
    this.#up.push({ type: "input", bytes: Buffer.from(text) });
  }

  resize(cols: number, rows: number): void {
    this.#up.push({ type: "resize", cols, rows });
  }

  /** Takes items until `done` holds. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      const { value } = await this.#items.next();
      if (!value) throw new Error(`the connection ended; it had sent ${JSON.stringify(this.text)}`);
      if (value.type === "screen") {
        this.screen = value;
        this.offset = value.offset;
      } else if (value.type === "data") {
        this.bytes.push(value.bytes);
        this.offset = value.offset;
      } else if (value.type === "live") this.live = true;
      else this.exit = value;
    }
  }

  close(): void {
    this.#controller.abort();
    void this.#items.return(undefined);
  }
}

const exec = (args: string[] = []): ReturnType<TerminalService["exec"]> =>
  service.exec({ containerId: "a", args, ...size });

test("types into the container's shell, resizes it, and hears of its end", async () => {
  await startContainer(manager, root, "a", sleep);
  const terminal = await exec();
  expect(terminal).toMatchObject({ containerId: "a", kind: "exec", args: ["/bin/sh"] });
  expect(terminal.status).toBe("running");
  const window = new Window(terminal.id);
  await window.until(() => window.live);
  expect(window.screen).toMatchObject({ data: "", offset: 0, ...size });
  window.type("stty size; echo $TERM $LANG\r");
  await window.until(() => /24 80\r\nxterm-256color C.UTF-8\r\n/.test(window.text));
  window.resize(100, 40);
  window.type("stty size\r");
  await window.until(() => /40 100\r\n/.test(window.text));
  window.type("exit 7\r");
  await window.until(() => window.exit !== undefined);
  expect(window.exit).toEqual({ type: "exit", exitCode: 7 });
  await service.close({ id: terminal.id });
  expect(() => service.connect({ id: terminal.id }, new AsyncQueue())).toThrow("closed");
});

test("wide characters are right at any chunk edge, 100,000 of them", async () => {
  await startContainer(manager, root, "a", sleep);
  const text = "日本語✓é😀\r\n".repeat(10_000);
  const script = 'i=0; while [ $i -lt 10000 ]; do echo "日本語✓é😀"; i=$((i+1)); done';
  const window = new Window((await exec(["sh", "-c", script])).id);
  await window.until(() => window.exit !== undefined);
  expect(window.text === text).toBe(true);
});

test("a paste of 256 KiB arrives whole and in order", async () => {
  await startContainer(manager, root, "a", sleep);
  const window = new Window(
    (await exec(["sh", "-c", "stty raw -echo; echo go; head -c 262144 | wc -c; echo end"])).id,
  );
  await window.until(() => window.text.includes("go"));
  for (let at = 0; at < 8; at += 1) window.type("0123456789abcde\n".repeat(2048));
  await window.until(() => window.exit !== undefined);
  expect(window.text).toContain("262144");
});

test("after the app was killed: the same terminal, its screen, and not a byte lost or doubled", async () => {
  await startContainer(manager, root, "a", sleep);
  const script = "i=0; while [ $i -lt 400 ]; do echo n$i; i=$((i+1)); usleep 2000; done; sh";
  const { id } = await exec(["sh", "-c", script]);
  const before = new Window(id);
  await before.until(() => before.text.includes("n50\r\n"));
  const { offset, text } = before;
  await service.saveScreen({ id, data: "what was shown", offset, cols: 90, rows: 20 });
  await restart();
  const signal = new AbortController();
  const list = service.watch(signal.signal);
  const listed = (await list.next()).value;
  signal.abort();
  expect(listed?.put).toMatchObject([{ id, containerId: "a", status: "running" }]);
  const after = new Window(id);
  await after.until(() => after.text.includes("n399\r\n"));
  expect(after.screen).toMatchObject({ data: "what was shown", offset, cols: 90, rows: 20 });
  const all = text + after.text;
  const counted = all.split("\r\n").filter((line) => line.startsWith("n"));
  expect(counted).toEqual(Array.from({ length: 400 }, (_none, at) => `n${at}`));
  after.type("echo still $((40+2))\r");
  await after.until(() => after.text.includes("still 42"));
  // Two windows at one terminal see the same.
  const second = new Window(id);
  await second.until(() => second.live);
  await after.until(() => after.text.endsWith(second.text.slice(-20)));
  await service.close({ id });
  await after.until(() => after.exit !== undefined);
  expect(
    manager
      .get("default", "a")
      ?.processes()
      .map((process) => process.id),
  ).toEqual(["init"]);
});

test("whoever asks before earlier terminals are found, is told of them all, and of none that it was closed", async () => {
  await startContainer(manager, root, "early", ["sleep", "1000"]);
  const { id } = await service.exec({ containerId: "early", args: [], cols: 80, rows: 24 });
  service.dispose();
  manager.dispose();
  manager = await startManager(root);
  let found = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    found = resolve;
  });
  service = new TerminalService({ tasks: manager, namespace: "default", ready });
  const abort = new AbortController();
  const first = service.watch(abort.signal).next();
  expect(() => service.connect({ id }, new AsyncQueue())).toThrow(/still being found/);
  const another = service.exec({ containerId: "early", args: [], cols: 80, rows: 24 });
  await service.load();
  found();
  const listed = (await first).value;
  abort.abort();
  expect(listed?.put).toMatchObject([{ id, containerId: "early" }]);
  expect((await another).containerId).toBe("early");
});

test("what ended while the app was away is there, with its last words, until it is closed", async () => {
  await startContainer(manager, root, "a", sleep);
  const { id } = await exec(["sh", "-c", "usleep 300000; echo last words; exit 5"]);
  service.dispose();
  manager.dispose();
  await new Promise((resolve) => setTimeout(resolve, 700));
  await start();
  const window = new Window(id);
  await window.until(() => window.exit !== undefined);
  expect(window.text).toBe("last words\r\n");
  expect(window.exit?.exitCode).toBe(5);
  await service.close({ id });
});

test("a full log is put aside by conmon without losing a byte", async () => {
  const task = await startContainer(manager, root, "a", sleep);
  const { id } = await exec(["sh", "-c", "read x; seq 1 9000; read x; seq 9001 18000; echo end"]);
  const process = task.process(id);
  if (!process) throw new Error("the terminal's process is not there");
  const window = new Window(id);
  await window.until(() => window.live);
  window.type("\r");
  await window.until(() => window.text.includes("9000\r\n"));
  expect(await new TerminalLog(process.logPath).rotate(1000, () => process.reopenLog())).toBe(true);
  window.type("\r");
  await window.until(() => window.exit !== undefined);
  const numbers = window.text.split("\r\n").filter((line) => /^\d+$/.test(line));
  expect(numbers).toEqual(Array.from({ length: 18_000 }, (_none, at) => String(at + 1)));
  const files = await readdir(process.directory);
  expect(files.filter((name) => /^log\.\d+$/.test(name))).toEqual(["log.0"]);
  // A newcomer reads over the edge of both files.
  const late = new Window(id);
  await late.until(() => late.exit !== undefined);
  expect(late.text).toBe(window.text);
});

test("the container's own terminal, and its standard streams", async () => {
  await startContainer(manager, root, "a", ["sh", "-c", "echo hello; exec cat"], {
    terminal: true,
  });
  const attached = await service.attach({ containerId: "a" });
  expect(await service.attach({ containerId: "a" })).toEqual(attached);
  expect(attached).toMatchObject({ kind: "attach", args: ["sh", "-c", "echo hello; exec cat"] });
  const window = new Window(attached.id);
  // What is typed before is echoed before.
  await window.until(() => window.text.includes("hello\r\n"));
  window.type("over\r");
  await window.until(() => window.text.includes("over\r\nover\r\n"));
  expect(window.text.startsWith("hello\r\n")).toBe(true);
  await restart();
  const again = new Window(attached.id);
  await again.until(() => again.live);
  expect(again.text).toBe(window.text);
  await service.close({ id: attached.id });
  expect(manager.get("default", "a")?.state.status).toBe("running");
  await restart();
  expect(() => service.connect({ id: attached.id }, new AsyncQueue())).toThrow("closed");

  await startContainer(manager, root, "b", ["sh", "-c", "echo one; echo two >&2; exec cat"], {
    stdin: true,
  });
  const streams = new Window((await service.attach({ containerId: "b" })).id);
  streams.type("three\n");
  // The shim reads the two streams in no order of its own.
  await streams.until(() => ["one", "two", "three"].every((word) => streams.text.includes(word)));
  expect(streams.text.split("\r\n").sort()).toEqual(["", "one", "three", "two"]);
});

test("when the container ends, its terminals end and say so", async () => {
  const task = await startContainer(manager, root, "a", sleep);
  const window = new Window((await exec()).id);
  await window.until(() => window.live);
  await task.kill(9);
  await window.until(() => window.exit !== undefined);
  expect(window.exit?.exitCode).toBe(137);
  await expect(exec()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  service.forget("a");
});

test("a killed shim is said, and the terminal can be closed", async () => {
  const task = await startContainer(manager, root, "a", sleep);
  const { id } = await exec();
  const window = new Window(id);
  await window.until(() => window.live);
  const directory = task.process(id)?.directory ?? "";
  process.kill(Number(await readFile(`${directory}/shim.pid`, "utf8")), 9);
  await window.until(() => window.exit !== undefined);
  await service.close({ id });
  expect(task.processes().map((process) => process.id)).toEqual(["init"]);
});

test("a command that is not there is refused in the runtime's words, and nothing stays", async () => {
  const task = await startContainer(manager, root, named, sleep);
  const asked = { containerId: named, args: ["/nowhere"], cols: 80, rows: 24 };
  const refused = await service.exec(asked).catch((error: unknown) => error);
  expect(JSON.stringify(refused)).toContain("/nowhere");
  expect(AppError.from(refused).message).toContain('could not be run in container "orders"');
  expect(task.processes()).toHaveLength(1);
});
