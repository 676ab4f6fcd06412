import { describe, expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { createClient } from "./client.ts";
import type { Channel, Frame } from "./define.ts";
import { channelPair } from "./pair.ts";
import { serve } from "./server.ts";
import { contract, makeHandlers, noTrace, servers, settled } from "./testing.ts";
import { WINDOW } from "./wire.ts";

/** A bare channel to a server: what a hostile or broken client could send. */
function setUpRaw() {
  const trace = noTrace();
  const [near, far] = channelPair();
  servers.push(serve(contract, makeHandlers(trace), far));
  const received: Frame[] = [];
  let closed: Error | true | undefined;
  near.onFrame((frame) => received.push(frame));
  near.onClose((reason) => {
    closed = reason ?? true;
  });
  return {
    trace,
    received,
    send: (frame: unknown) => near.send(frame as Frame),
    closed: () => closed,
  };
}

describe("hostile frames", () => {
  const open = (id: unknown, method: unknown, input: unknown = {}, credits: unknown = 0) => ({
    t: "open",
    id,
    method,
    input,
    credits,
  });

  test.each([
    ["not an object", 7],
    ["null", null],
    ["no kind", { id: 1 }],
    ["a kind from the prototype", { t: "constructor", id: 1 }],
    ["no id", { t: "cancel" }],
    ["a negative id", open(-1, "math.add")],
    ["a fractional id", open(1.5, "math.add")],
    ["an id that is a string", open("1", "math.add")],
    ["a method that is no string", open(1, ["math.add"])],
    ["a long method", open(1, "m".repeat(1000))],
    ["negative credits", open(1, "feed.count", { to: 1 }, -1)],
    ["endless credits", open(1, "feed.count", { to: 1 }, Number.POSITIVE_INFINITY)],
    ["a credit of nothing", { t: "credit", id: 1, n: 0 }],
    ["an error without code", { t: "error", id: 1, error: { message: "x", details: {} } }],
  ])("%s: the channel is closed with a reason", async (_, frame) => {
    const raw = setUpRaw();
    raw.send(frame);
    await settled();
    expect(raw.closed()).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(raw.received).toEqual([]);
  });

  test.each(["__proto__.x", "math.constructor", "constructor.name", "math", "", "math.add.call"])(
    "the method %j does not exist",
    async (method) => {
      const raw = setUpRaw();
      raw.send(open(1, method));
      await settled();
      expect(raw.received).toMatchObject([{ t: "error", id: 1, error: { code: "UNIMPLEMENTED" } }]);
      expect(raw.closed()).toBeUndefined();
    },
  );

  test("an unknown id is ignored", async () => {
    const raw = setUpRaw();
    for (const t of ["cancel", "item", "end"]) raw.send({ t, id: 9 });
    raw.send({ t: "credit", id: 9, n: 1 });
    raw.send(open(10, "math.add", { a: 1, limits: { b: 1 } }));
    await settled();
    expect(raw.received).toEqual([{ t: "end", id: 10, value: 2 }]);
  });

  test("an id used twice closes the channel and ends the calls", async () => {
    const raw = setUpRaw();
    raw.send(open(1, "math.hang"));
    raw.send(open(1, "math.hang"));
    await settled();
    expect(raw.closed()).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(raw.trace.finished).toEqual(["hang"]);
  });

  test("more items than credits close the channel", async () => {
    const raw = setUpRaw();
    raw.send(open(1, "chat.deaf"));
    for (let n = 0; n <= WINDOW; n++) raw.send({ t: "item", id: 1, value: n });
    await settled();
    expect(raw.closed()).toMatchObject({ code: "INVALID_ARGUMENT" });
    raw.trace.release();
  });

  test("items for a call that takes none close the channel", async () => {
    const raw = setUpRaw();
    raw.send(open(1, "math.hang"));
    raw.send({ t: "item", id: 1, value: 1 });
    await settled();
    expect(raw.closed()).toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("a frame that can't be sent fails its call alone", async () => {
    const trace = noTrace();
    const [near, far] = channelPair();
    const narrow: Channel = {
      send: (frame) => {
        if (frame.t === "item") throw new AppError("RESOURCE_EXHAUSTED", "Too large");
        far.send(frame);
      },
      onFrame: (listener) => far.onFrame(listener),
      onClose: (listener) => far.onClose(listener),
      close: (reason) => far.close(reason),
    };
    servers.push(serve(contract, makeHandlers(trace), narrow));
    const client = createClient<typeof contract>(near);
    await expect(client.stream("feed.count", { to: 3 }).next()).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
    });
    expect(trace.finished).toEqual(["count"]);
    await expect(client.call("math.add", { a: 1, limits: { b: 1 } })).resolves.toBe(2);
  });
});
