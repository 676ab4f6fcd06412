import type { AppContract } from "#shared/contract/index";
import type { TerminalInput, TerminalOutput } from "#shared/contract/terminals";
import type { Client, DuplexCall } from "#shared/rpc/define";
import { AsyncQueue } from "#shared/base/async-queue";
import { AppError } from "#shared/errors";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Screen, TerminalSession } from "./session.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

/** One side of the wire: what the core would send, and what came up. */
class FakeCall implements DuplexCall<TerminalInput, TerminalOutput> {
  readonly down = new AsyncQueue<TerminalOutput>();
  readonly up: TerminalInput[] = [];
  pulled = 0;

  next(): Promise<IteratorResult<TerminalOutput>> {
    this.pulled += 1;
    return this.down.next();
  }
  return(): Promise<IteratorResult<TerminalOutput>> {
    return this.down.return();
  }
  async send(value: TerminalInput): Promise<void> {
    this.up.push(value);
  }
  end(): void {}
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Answers `\x1b[c` as a terminal does, and parses only when told to if `held`. */
class FakeScreen implements Screen {
  cols = 80;
  rows = 24;
  text = "";
  held = false;
  disposed = false;
  release: () => void = () => undefined;
  place: { cols: number; rows: number } | undefined;
  #input: (bytes: Uint8Array) => void = () => undefined;
  #resize: () => void = () => undefined;

  async write(data: string | Uint8Array): Promise<void> {
    if (this.held) await new Promise<void>((resolve) => (this.release = resolve));
    const text = typeof data === "string" ? data : decode(data);
    this.text += text;
    if (text.includes("\x1b[c")) this.type("\x1b[?1;2c");
  }
  reset(cols: number, rows: number): void {
    this.text = "";
    Object.assign(this, { cols, rows });
  }
  fit(): void {
    if (this.place) this.resize(this.place.cols, this.place.rows);
  }
  resize(cols: number, rows: number): void {
    Object.assign(this, { cols, rows });
    this.#resize();
  }
  serialize(): string {
    return this.text;
  }
  type(text: string): void {
    this.#input(encode(text));
  }
  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#input = listener;
  }
  onResize(listener: () => void): void {
    this.#resize = listener;
  }
  dispose(): void {
    this.disposed = true;
  }
}

interface Saved {
  data: string;
  offset: number;
}

function setUp() {
  const calls: FakeCall[] = [];
  const saved: Saved[] = [];
  const client = {
    duplex: () => {
      const call = new FakeCall();
      calls.push(call);
      return call;
    },
    call: async (_method: string, input: Saved) => {
      saved.push(input);
      return {};
    },
  } as unknown as Client<AppContract>;
  const screen = new FakeScreen();
  const session = new TerminalSession(client, { id: "t", containerId: "c" }, screen);
  const call = (): FakeCall => calls.at(-1) as FakeCall;
  const typed = (): string =>
    call()
      .up.filter((item) => item.type === "input")
      .map((item) => decode(item.bytes))
      .join("");
  return { session, screen, calls, call, saved, typed };
}

const screenItem = (data = "", offset = 0): TerminalOutput => ({
  type: "screen",
  data,
  offset,
  cols: 100,
  rows: 30,
});
const dataItem = (text: string, offset: number): TerminalOutput => ({
  type: "data",
  bytes: encode(text),
  offset,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("TerminalSession", () => {
  it("replays the saved screen and what followed, and says nothing until it is live", async () => {
    const { session, screen, call, typed } = setUp();
    screen.place = { cols: 120, rows: 40 };
    call().down.push(screenItem("saved ", 10));
    call().down.push(dataItem("later \x1b[c", 20));
    await settle();
    screen.type("too early");
    await settle();
    expect(screen.text).toBe("saved later \x1b[c");
    expect(call().up).toEqual([]);
    expect(session.state().phase).toBe("connecting");

    call().down.push({ type: "live" });
    await settle();
    expect(session.state().phase).toBe("live");
    expect(call().up).toEqual([{ type: "resize", cols: 120, rows: 40 }]);
    call().down.push(dataItem("\x1b[c", 23));
    await settle();
    screen.type("ls\r");
    await settle();
    expect(typed()).toBe("\x1b[?1;2cls\r");
  });

  it("pulls the next item only when the screen has taken the one before", async () => {
    const { screen, call } = setUp();
    screen.held = true;
    call().down.push(screenItem());
    for (let i = 1; i <= 3; i += 1) call().down.push(dataItem("x", i));
    await settle();
    expect(call().pulled).toBe(2);
    screen.release();
    await settle();
    expect(call().pulled).toBe(3);
    expect(screen.text).toBe("x");
  });

  it("sends long pastes in pieces, in order, and each size once", async () => {
    const { screen, call, typed } = setUp();
    call().down.push(screenItem());
    call().down.push({ type: "live" });
    await settle();
    const long = "0123456789".repeat(5000);
    screen.type(long);
    screen.resize(90, 20);
    screen.resize(90, 20);
    await settle();
    expect(typed()).toBe(long);
    expect(call().up.filter(({ type }) => type === "input").length).toBeGreaterThan(2);
    expect(call().up.filter(({ type }) => type === "resize")).toHaveLength(2);
  });

  it("tells the end and stays ended", async () => {
    const { session, screen, calls, call } = setUp();
    call().down.push(screenItem());
    call().down.push({ type: "live" });
    call().down.push(dataItem("bye", 3));
    call().down.push({ type: "exit", exitCode: 3 });
    call().down.end();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(session.state()).toEqual({ phase: "ended", exitCode: 3 });
    screen.type("x");
    await settle();
    expect(call().up.filter(({ type }) => type === "input")).toEqual([]);
    expect(calls).toHaveLength(1);

    session.connect();
    await settle();
    expect(calls).toHaveLength(2);
  });

  it("connects again by itself when the connection broke, and starts from the saved screen", async () => {
    const { session, screen, calls, call } = setUp();
    call().down.push(screenItem());
    call().down.push({ type: "live" });
    call().down.push(dataItem("before", 6));
    await settle();
    call().down.fail(new AppError("UNAVAILABLE", "The core is gone"));
    await settle();
    expect(session.state().phase).toBe("reconnecting");
    screen.type("lost");
    await vi.advanceTimersByTimeAsync(300);
    expect(calls).toHaveLength(2);
    call().down.push(screenItem("before", 6));
    call().down.push({ type: "live" });
    await settle();
    expect(session.state().phase).toBe("live");
    expect(screen.text).toBe("before");
    expect(call().up.filter(({ type }) => type === "input")).toEqual([]);
  });

  it("does not ask again for a terminal that is gone", async () => {
    const { session, calls, call } = setUp();
    call().down.fail(new AppError("NOT_FOUND", "There is no such terminal"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(session.state()).toMatchObject({ phase: "ended", error: { code: "NOT_FOUND" } });
    expect(calls).toHaveLength(1);
  });

  it("saves the screen with its place when output became quiet", async () => {
    const { call, saved } = setUp();
    call().down.push(screenItem());
    call().down.push({ type: "live" });
    call().down.push(dataItem("$ ls", 4));
    await vi.advanceTimersByTimeAsync(1400);
    expect(saved).toEqual([]);
    call().down.push(dataItem("\r\n", 6));
    await vi.advanceTimersByTimeAsync(1600);
    expect(saved).toMatchObject([{ data: "$ ls\r\n", offset: 6 }]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(saved).toHaveLength(1);
  });

  it("saves at least each five seconds while output does not stop", async () => {
    const { call, saved } = setUp();
    call().down.push(screenItem());
    for (let i = 1; i <= 13; i += 1) {
      call().down.push(dataItem(".", i));
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(saved.length).toBeGreaterThanOrEqual(2);
    for (const { data, offset } of saved) expect(data).toHaveLength(offset);
  });

  it("never saves within a sequence or a character", async () => {
    const { session, call, saved } = setUp();
    call().down.push(screenItem());
    call().down.push(dataItem("ok\x1b[3", 5));
    await vi.advanceTimersByTimeAsync(9000);
    session.saveNow();
    expect(saved).toEqual([]);
    call().down.push(dataItem("1m", 7));
    await vi.advanceTimersByTimeAsync(2000);
    expect(saved).toMatchObject([{ offset: 7 }]);
    session.dispose();
  });

  it("takes the emulator with it", async () => {
    const { session, screen, call } = setUp();
    call().down.push(screenItem());
    await settle();
    session.dispose();
    expect(screen.disposed).toBe(true);
  });
});
