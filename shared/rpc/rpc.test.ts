import { describe, expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { createClient } from "./client.ts";
import type { Channel } from "./define.ts";
import { channelPair } from "./pair.ts";
import { serve } from "./server.ts";
import { contract, makeHandlers, noTrace, servers, setUp, settled, unexpected } from "./testing.ts";
import { MAX_OPEN_CALLS, WINDOW } from "./wire.ts";

describe("calls", () => {
  test("are answered", async () => {
    const { client } = setUp();
    const sums = await Promise.all(
      [1, 2, 3].map((a) => client.call("math.add", { a, limits: { b: 10 } })),
    );
    expect(sums).toEqual([11, 12, 13]);
  });

  test("with input that breaks a rule name the field and the rule", async () => {
    const { client } = setUp();
    await expect(client.call("math.add", { a: 101, limits: { b: 1 } })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "a: At most 100",
      details: { field: "a" },
    });
    const wrong = { a: 1, limits: { b: "x" } } as unknown as { a: number; limits: { b: number } };
    await expect(client.call("math.add", wrong)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "limits.b" },
    });
  });

  test("keep code, message and details of an error", async () => {
    const { client } = setUp();
    const error: unknown = await client.call("math.fail", { how: "app" }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: "NOT_FOUND",
      message: "No such thing",
      details: { subject: "it", hint: "Look again" },
    });
    expect(unexpected).toEqual([]);
  });

  test("that fail as nobody foresaw get a code, and are reported", async () => {
    const { client } = setUp();
    await expect(client.call("math.fail", { how: "plain" })).rejects.toMatchObject({
      code: "UNKNOWN",
    });
    await expect(client.call("math.fail", { how: "errno" })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
    expect(unexpected).toEqual(["math.fail", "math.fail"]);
  });

  test("are checked on the way out when asked", async () => {
    const { client } = setUp();
    await expect(client.call("math.wrong", {})).rejects.toMatchObject({ code: "INTERNAL" });
    await expect(client.stream("feed.wrong", {}).next()).rejects.toMatchObject({
      code: "INTERNAL",
    });
    const loose = setUp(false);
    await expect(loose.client.call("math.wrong", {})).resolves.toEqual({ n: "1" });
  });

  test("that are cancelled reject at once, and abort the handler", async () => {
    const { client, trace } = setUp();
    const controller = new AbortController();
    const call = client.call("math.hang", {}, { signal: controller.signal });
    await settled();
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
    await settled();
    expect(trace.aborted).toMatchObject([{ code: "CANCELLED" }]);
    expect(trace.finished).toEqual(["hang"]);
    expect(unexpected).toEqual([]);
  });

  test("with a signal that is aborted already send nothing", async () => {
    const { client, trace } = setUp();
    const controller = new AbortController();
    controller.abort();
    await expect(client.call("math.hang", {}, { signal: controller.signal })).rejects.toMatchObject(
      {
        code: "CANCELLED",
      },
    );
    await settled();
    expect(trace.finished).toEqual([]);
  });

  test("are bounded in number, those that still clean up included", async () => {
    const { client } = setUp();
    const calls = Array.from({ length: MAX_OPEN_CALLS }, () => client.call("math.hang", {}));
    const ends = Promise.allSettled(calls);
    await expect(client.call("math.hang", {})).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
    await servers[0]?.close();
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
  });
});

describe("streams", () => {
  test("deliver everything, in order, over many windows", async () => {
    const { client } = setUp();
    const got: number[] = [];
    for await (const n of client.stream("feed.count", { to: WINDOW * 10 })) got.push(n);
    expect(got).toEqual(Array.from({ length: WINDOW * 10 }, (_, n) => n));
  });

  test("stop their source while the reader is slow", async () => {
    const { client, trace } = setUp();
    const items = client.stream("feed.count", { to: 1000 });
    await settled();
    expect(trace.produced).toBe(WINDOW);
    for (let n = 0; n < WINDOW / 2; n++) await items.next();
    await settled();
    expect(trace.produced).toBe(WINDOW + WINDOW / 2);
    await items.return?.();
  });

  test("of the latest kind never stop their source, and skip to the newest", async () => {
    const { client, trace } = setUp();
    const items = client.stream("feed.gauge", { to: 1000 });
    await settled();
    expect(trace.produced).toBe(1000);
    const got: number[] = [];
    for await (const n of items) got.push(n);
    // One was on the way when the source ran ahead; then only the last was kept.
    expect(got).toEqual([0, 999]);
  });

  test("deliver what came before an error, then the error", async () => {
    const { client } = setUp();
    const got: number[] = [];
    const read = async (): Promise<void> => {
      for await (const n of client.stream("feed.breaks", { after: 40 })) got.push(n);
    };
    await expect(read()).rejects.toMatchObject({ code: "DATA_LOSS", message: "The file was cut" });
    expect(got.length).toBe(40);
  });

  test("end their source when the reader leaves", async () => {
    const { client, trace } = setUp();
    for await (const n of client.stream("feed.count", { to: 1000 })) if (n === 3) break;
    await settled();
    expect(trace.finished).toEqual(["count"]);
    expect(trace.produced).toBeLessThanOrEqual(WINDOW);
  });

  test("abort a source that waits", async () => {
    const { client, trace } = setUp();
    const controller = new AbortController();
    const next = client.stream("feed.idle", {}, { signal: controller.signal }).next();
    await settled();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: "CANCELLED" });
    await settled();
    expect(trace.finished).toEqual(["idle"]);
    expect(unexpected).toEqual([]);
  });
});

describe("duplex calls", () => {
  test("carry items both ways, and end in each", async () => {
    const { client, trace } = setUp();
    const call = client.duplex("chat.echo", {});
    await call.send({ text: "a" });
    expect((await call.next()).value).toBe("A");
    for (let n = 0; n < WINDOW * 3; n++) {
      await call.send({ text: `n${n}` });
      expect((await call.next()).value).toBe(`N${n}`);
    }
    call.end();
    expect(await call.next()).toEqual({ value: "bye", done: false });
    expect(await call.next()).toEqual({ value: undefined, done: true });
    expect(trace.finished).toEqual(["echo"]);
    await expect(call.send({ text: "late" })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
  });

  test("hold the sender back, keep the order, and send the end after everything", async () => {
    const { client, trace } = setUp();
    const call = client.duplex("chat.deaf", {});
    await settled();
    let sent = 0;
    const sends = Array.from({ length: 100 }, (_, n) => call.send(n).then(() => (sent += 1)));
    call.end();
    await settled();
    expect(sent).toBe(WINDOW);
    trace.release();
    await Promise.all(sends);
    expect((await call.next()).value).toBe(100);
    trace.release();
    expect((await call.next()).done).toBe(true);
  });

  test("let a sender go on when the handler reads no more", async () => {
    const { client, trace } = setUp();
    const call = client.duplex("chat.deaf", {});
    await settled();
    trace.release();
    await call.send(-1);
    expect((await call.next()).value).toBe(1);
    for (let n = 0; n < WINDOW * 2; n++) await call.send(n);
    trace.release();
    expect((await call.next()).done).toBe(true);
  });

  test("check what comes up", async () => {
    const { client, trace } = setUp();
    const call = client.duplex("chat.echo", {});
    await call.send({ text: 1 } as unknown as { text: string });
    await expect(call.next()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "text" },
    });
    await settled();
    expect(trace.finished).toEqual(["echo"]);
  });

  test("are cancelled by leaving", async () => {
    const { client, trace } = setUp();
    const call = client.duplex("chat.echo", {});
    await call.send({ text: "a" });
    await call.next();
    await call.return?.();
    await settled();
    expect(trace.finished).toEqual(["echo"]);
    await expect(call.send({ text: "b" })).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("a channel that closes", () => {
  test("rejects everything with UNAVAILABLE and ends every handler", async () => {
    const { client, trace, near } = setUp();
    const call = client.call("math.hang", {});
    const waiting = client.stream("feed.idle", {}).next();
    const chat = client.duplex("chat.echo", {});
    await settled();
    const sends = Promise.allSettled([call, waiting, chat.next()]);
    near.close();
    for (const result of await sends) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
    }
    await expect(chat.send({ text: "x" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(client.call("math.hang", {})).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(client.stream("feed.idle", {}).next()).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await settled();
    expect(trace.finished.sort()).toEqual(["echo", "hang", "idle"]);
    expect(unexpected).toEqual([]);
  });

  test("still lets the reader have what had arrived", async () => {
    const { client, near } = setUp();
    const items = client.stream("feed.count", { to: 1000 });
    await settled();
    near.close();
    const got: number[] = [];
    const read = async (): Promise<void> => {
      for await (const n of items) got.push(n);
    };
    await expect(read()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(got.length).toBe(WINDOW);
  });

  test("close() waits until the handlers have cleaned up", async () => {
    const { client, server, trace } = setUp();
    const call = client.call("math.hang", {}).catch(() => undefined);
    await settled();
    await server.close();
    expect(trace.finished).toEqual(["hang"]);
    await call;
  });

  test("close() does not wait for the channel, which may take its time, and takes nothing more from it", async () => {
    const trace = noTrace();
    const [near, far] = channelPair();
    // As a WebSocket whose other side does not answer.
    const slow: Channel = {
      send: (frame) => far.send(frame),
      onFrame: (listener) => far.onFrame(listener),
      onClose: (listener) => far.onClose(listener),
      close: () => undefined,
    };
    const server = serve(contract, makeHandlers(trace), slow);
    const client = createClient<typeof contract>(near);
    const call = client.call("math.hang", {}).catch(() => undefined);
    await settled();
    await server.close();
    expect(trace.finished).toEqual(["hang"]);
    const late = client.call("math.hang", {}).catch(() => undefined);
    await settled();
    near.close();
    await Promise.all([call, late]);
    expect(trace.finished).toEqual(["hang"]);
  });
});
