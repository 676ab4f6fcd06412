import { afterEach } from "vitest";
import { z } from "zod";
import { AppError } from "../errors.ts";
import { createClient } from "./client.ts";
import { duplex, type Handlers, mutation, query, stream } from "./define.ts";
import { channelPair } from "./pair.ts";
import { type Server, serve } from "./server.ts";

/** A contract that has each kind of call, well and badly behaved. */
export const contract = {
  math: {
    add: query(
      z.object({ a: z.number().max(100, "At most 100"), limits: z.object({ b: z.number() }) }),
      z.number(),
    ),
    fail: mutation(z.object({ how: z.enum(["app", "plain", "errno"]) }), z.object({})),
    hang: mutation(z.object({}), z.object({})),
    wrong: query(z.object({}), z.object({ n: z.number() })),
  },
  feed: {
    count: stream(z.object({ to: z.number() }), z.number()),
    gauge: stream(z.object({ to: z.number() }), z.number(), "latest"),
    breaks: stream(z.object({ after: z.number() }), z.number()),
    wrong: stream(z.object({}), z.number()),
    idle: stream(z.object({}), z.number()),
  },
  chat: {
    echo: duplex(z.object({}), z.object({ text: z.string() }), z.string()),
    deaf: duplex(z.object({}), z.number(), z.number()),
  },
};

/** What the handlers of one test did. */
export interface Trace {
  produced: number;
  finished: string[];
  aborted: unknown[];
  /** Lets `deaf` end. */
  release: () => void;
}

export function makeHandlers(trace: Trace): Handlers<typeof contract> {
  const untilAborted = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        trace.aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  return {
    math: {
      add: ({ a, limits }) => a + limits.b,
      fail: ({ how }) => {
        if (how === "app") {
          throw new AppError("NOT_FOUND", "No such thing", { subject: "it", hint: "Look again" });
        }
        if (how === "errno") throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
        throw new TypeError("undefined is not a function");
      },
      async hang(_, { signal }) {
        try {
          return await untilAborted(signal);
        } finally {
          await Promise.resolve();
          trace.finished.push("hang");
        }
      },
      wrong: () => ({ n: "1" }) as unknown as { n: number },
    },
    feed: {
      async *count({ to }) {
        try {
          for (let n = 0; n < to; n++) {
            trace.produced = n + 1;
            yield n;
          }
        } finally {
          await Promise.resolve();
          trace.finished.push("count");
        }
      },
      async *gauge({ to }) {
        for (let n = 0; n < to; n++) {
          trace.produced = n + 1;
          yield n;
        }
      },
      async *breaks({ after }) {
        for (let n = 0; n < after; n++) yield n;
        throw new AppError("DATA_LOSS", "The file was cut");
      },
      async *wrong() {
        yield "one" as unknown as number;
      },
      async *idle(_, { signal }) {
        try {
          yield await untilAborted(signal);
        } finally {
          trace.finished.push("idle");
        }
      },
    },
    chat: {
      async *echo(_, up) {
        try {
          for await (const { text } of up) yield text.toUpperCase();
          yield "bye";
        } finally {
          trace.finished.push("echo");
        }
      },
      async *deaf(_, up) {
        await new Promise<void>((resolve) => {
          trace.release = resolve;
        });
        for await (const n of up) {
          trace.produced += 1;
          if (n < 0) break;
        }
        yield trace.produced;
        await new Promise<void>((resolve) => {
          trace.release = resolve;
        });
      },
    },
  };
}

/** They are closed after each test. */
export const servers: Server[] = [];
/** Methods of which something was reported. */
export const unexpected: string[] = [];

export const noTrace = (): Trace => ({
  ...{ produced: 0, finished: [], aborted: [], release: () => undefined },
});

/** A client and a server, with a pair of channels between them. */
export function setUp(checkOutput = true) {
  const trace = noTrace();
  const [near, far] = channelPair();
  unexpected.length = 0;
  const server = serve(contract, makeHandlers(trace), far, {
    checkOutput,
    onUnexpected: (_, method) => unexpected.push(method),
  });
  servers.push(server);
  return { trace, server, near, far, client: createClient<typeof contract>(near) };
}

/** Long enough for everything that microtasks alone can do. */
export const settled = (): Promise<void> =>
  new Promise((resolve) => setTimeout(() => resolve(), 0));

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
