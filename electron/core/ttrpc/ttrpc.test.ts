import { readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { type Server, type Socket, createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TtrpcClient } from "./client.ts";
import { type Frame, FrameDecoder, encodeFrame, maxData } from "./frame.ts";
import { ResponseSchema } from "./proto/ttrpc_pb.ts";
import { type Handler, TtrpcServer } from "./server.ts";
import { AppError } from "#shared/errors";

/** Frames of a real shim's life (frame.test.ts), each with a few bytes changed. */
const recorded = (
  JSON.parse(readFileSync(new URL("recorded-frames.json", import.meta.url), "utf8")) as string[]
).map((frame) => Buffer.from(frame, "base64"));
const damaged = fc
  .tuple(
    fc.constantFrom(...recorded),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  )
  .map(([frame, changes]) => {
    const copy = Buffer.from(frame);
    // Not the length: a frame that never ends is only waited for.
    for (const [at, value] of changes) copy[4 + (at % (copy.length - 4))] = value;
    return copy;
  });

let dir: string;
let path: string;
const open: { close(): void }[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ttrpc-"));
  path = join(dir, "socket");
});
afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await rm(dir, { recursive: true });
});

async function serve(handlers: Record<string, Handler>): Promise<void> {
  open.push(await TtrpcServer.listen(path, new Map(Object.entries(handlers))));
}

async function connect(): Promise<TtrpcClient> {
  const client = await TtrpcClient.connect(path);
  open.push(client);
  return client;
}

/** A server that says whatever a test wants it to. */
function standIn(talk: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      talk(socket);
    }).listen(path, () => resolve(server));
    open.push({
      close() {
        server.close();
        for (const socket of sockets) socket.destroy();
      },
    });
  });
}

const call = (method: string, change: object = {}) => ({
  service: "s",
  method,
  payload: Buffer.from(method),
  ...change,
});
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a ttrpc connection", () => {
  it("carries many calls at once, answered in any order", async () => {
    await serve({
      "s/echo": async (payload) => {
        await after(payload.length % 7);
        return payload;
      },
    });
    const client = await connect();
    const words = Array.from({ length: 200 }, (_, i) => "x".repeat(i));
    const answers = await Promise.all(
      words.map((word) => client.call(call("echo", { payload: Buffer.from(word) }))),
    );
    expect(answers.map(text)).toEqual(words);
  });

  it("brings errors with their codes, and knows what it does not know", async () => {
    await serve({
      "s/no": () => {
        throw new AppError("NOT_FOUND", "no such thing");
      },
    });
    const client = await connect();
    await expect(client.call(call("no"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no such thing",
    });
    await expect(client.call(call("what"))).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  });

  it("refuses a message that is too long, and lives on", async () => {
    await serve({ "s/big": () => Buffer.alloc(maxData), "s/ok": (payload) => payload });
    const client = await connect();
    const payload = Buffer.alloc(maxData);
    for (const request of [call("ok", { payload }), call("big")]) {
      await expect(client.call(request)).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    }
    expect(text(await client.call(call("ok")))).toBe("ok");
  });

  it("lets go of a caller but not of the call", async () => {
    const done: string[] = [];
    await serve({
      "s/slow": async (payload) => {
        await after(60);
        done.push(text(payload));
        return payload;
      },
    });
    const client = await connect();
    const controller = new AbortController();
    const aborted = client.call(call("slow", { signal: controller.signal }));
    const late = client.call(call("slow", { timeout: 10 }));
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const last = client.call(call("slow"));
    client.close();
    await expect(client.call(call("slow"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(text(await last)).toBe("slow");
    expect(done).toHaveLength(3);
  });

  it("does not wait for a Wait when it closes", async () => {
    await serve({ "s/wait": () => new Promise(() => {}) });
    const client = await connect();
    const waiting = client.call(call("wait", { idle: true }));
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("uses odd stream ids that grow", async () => {
    const ids: number[] = [];
    await standIn((socket) => {
      const decoder = new FrameDecoder();
      socket.on("data", (chunk) => {
        for (const { streamId } of decoder.push(chunk)) {
          ids.push(streamId);
          socket.write(encodeFrame(streamId, 2, Buffer.of()));
        }
      });
    });
    const client = await connect();
    await Promise.all([1, 2, 3].map((n) => client.call(call(String(n)))));
    expect(ids).toEqual([1, 3, 5]);
  });

  it("tells every caller when the other side goes in the middle of a call", async () => {
    await standIn((socket) => socket.once("data", () => socket.destroy()));
    const client = await connect();
    let gone = 0;
    client.onClose(() => gone++);
    const calls = [client.call(call("a")), client.call(call("b", { timeout: 5000 }))];
    for (const one of calls) await expect(one).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(gone).toBe(1);
    await expect(client.call(call("c"))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("bears garbage for an answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        await standIn((socket) =>
          socket.once("data", () => {
            // A stray stream, a stray type, then noise where the answer should be.
            socket.write(encodeFrame(2, 2, noise));
            socket.write(encodeFrame(1, 3, noise));
            socket.write(encodeFrame(1, 2, noise));
            socket.end(Buffer.from(noise));
          }),
        );
        const client = await connect();
        const outcome = await client.call(call("x", { timeout: 2000 })).catch((error) => error);
        expect(outcome instanceof Uint8Array || outcome instanceof AppError).toBe(true);
        for (const one of open.splice(0)) one.close();
        await rm(path, { force: true });
      }),
      { numRuns: 50 },
    );
  });
});

describe("what a shim once said, damaged", () => {
  const frames = fc.array(damaged, { minLength: 1, maxLength: 10 });

  it("ends no client: its call has an answer or an error", async () => {
    await fc.assert(
      fc.asyncProperty(frames, async (said) => {
        await standIn((socket) => socket.once("data", () => socket.end(Buffer.concat(said))));
        const client = await connect();
        const outcome = await client.call(call("x", { timeout: 2000 })).catch((error) => error);
        expect(outcome instanceof Uint8Array || outcome instanceof AppError).toBe(true);
        for (const one of open.splice(0)) one.close();
        await rm(path, { force: true });
      }),
      { numRuns: 50 },
    );
  });

  it("ends no server: the next client is answered", async () => {
    await serve({ "s/ok": (payload) => payload });
    await fc.assert(
      fc.asyncProperty(frames, async (said) => {
        const socket = createConnection(path).on("error", () => {});
        socket.end(Buffer.concat(said));
        const client = await connect();
        expect(text(await client.call(call("ok")))).toBe("ok");
        client.close();
        socket.destroy();
      }),
      { numRuns: 50 },
    );
  });
});

describe("a ttrpc server", () => {
  it("answers garbage with a status, and lives on", async () => {
    await serve({ "s/ok": (payload) => payload });
    const socket = createConnection(path);
    open.push({ close: () => void socket.destroy() });
    const decoder = new FrameDecoder();
    const answers: Frame[] = [];
    socket.on("data", (chunk) => answers.push(...decoder.push(chunk)));
    socket.write(encodeFrame(1, 1, Buffer.from([0xff, 0xff, 0xff])));
    socket.write(encodeFrame(3, 9, Buffer.from("of no type")));
    socket.write(encodeFrame(5, 1, Buffer.of()));
    while (answers.length < 2) await after(5);
    const codes = answers.map(
      ({ data }) => fromBinary(ResponseSchema, data as Buffer).status?.code,
    );
    // Not understood; understood as a request for no service at all.
    expect(codes).toEqual([3, 12]);
    expect(text(await (await connect()).call(call("ok")))).toBe("ok");
  });

  it("leaves its socket behind, replaces one that was left, and says when there is none", async () => {
    const first = await TtrpcServer.listen(path, new Map());
    first.close();
    expect((await stat(path)).isSocket()).toBe(true);
    await expect(TtrpcClient.connect(path)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await serve({ "s/ok": (payload) => payload });
    expect(text(await (await connect()).call(call("ok")))).toBe("ok");
    await expect(TtrpcClient.connect(join(dir, "none"))).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
  });
});
