import { expect, test } from "vitest";
import { z } from "zod";
import { pipeAll, serveAll } from "./acceptor.ts";
import { createClient } from "./client.ts";
import { type Channel, duplex, type Handlers, query, stream } from "./define.ts";
import { channelPair } from "./pair.ts";
import { settled } from "./testing.ts";
import { WINDOW } from "./wire.ts";

const contract = {
  test: {
    add: query(z.object({ a: z.number(), b: z.number() }), z.number()),
    count: stream(z.object({}), z.number()),
    echo: duplex(z.object({}), z.string(), z.string()),
  },
};

/** A service, and a client of it behind a pipe whose far end is there after `connect`. */
function piped() {
  const made: number[] = [];
  const ended: string[] = [];
  const handlers: Handlers<typeof contract> = {
    test: {
      add: ({ a, b }) => a + b,
      async *count() {
        try {
          for (let n = 0; ; n += 1) {
            made.push(n);
            yield n;
          }
        } finally {
          ended.push("count");
        }
      },
      async *echo(_, up) {
        yield* up;
      },
    },
  };
  const service = serveAll(contract, handlers);
  let open = (_channel: Channel | Error): void => undefined;
  const pipe = pipeAll(
    () =>
      new Promise((resolve, reject) => {
        open = (channel) => (channel instanceof Error ? reject(channel) : resolve(channel));
      }),
  );
  const [window, near] = channelPair();
  pipe.accept(near);
  const connect = (): void => {
    const [far, door] = channelPair();
    service.accept(door);
    open(far);
  };
  const refuse = (): void => open(new Error("nobody is there"));
  return {
    client: createClient<typeof contract>(window),
    service,
    pipe,
    connect,
    refuse,
    made,
    ended,
  };
}

test("calls that were made before the far end was there are answered, in order", async () => {
  const { client, connect } = piped();
  const answers = [1, 2, 3].map((a) => client.call("test.add", { a, b: 1 }));
  const echo = client.duplex("test.echo", {});
  const sent = echo.send("up");
  connect();
  expect(await Promise.all(answers)).toEqual([2, 3, 4]);
  await sent;
  expect((await echo.next()).value).toBe("up");
  await echo.return?.();
});

test("a slow reader stops the source behind a pipe, and one who leaves ends it", async () => {
  const { client, connect, made, ended } = piped();
  connect();
  const numbers = client.stream("test.count", {});
  expect((await numbers.next()).value).toBe(0);
  // Each of these gives it time for more than one.
  for (let n = 0; n < 4 * WINDOW; n += 1) await client.call("test.add", { a: n, b: 1 });
  expect(made.length).toBeLessThanOrEqual(WINDOW + 1);
  await numbers.return?.();
  await expect.poll(() => ended).toEqual(["count"]);
});

test("each end closes the other", async () => {
  for (const end of ["service", "pipe"] as const) {
    const all = piped();
    all.connect();
    const next = all.client.stream("test.count", {});
    await next.next();
    await all[end].close();
    await expect(all.client.call("test.add", { a: 1, b: 1 })).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    await expect.poll(() => all.ended).toEqual(["count"]);
  }
});

test("a far end that can't be had closes the channel", async () => {
  const { client, refuse } = piped();
  const call = client.call("test.add", { a: 1, b: 1 });
  refuse();
  await expect(call).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("closing waits for what still tidies up after a window that has just gone", async () => {
  let tidied = false;
  let tidy = (): void => undefined;
  const service = serveAll(contract, {
    test: {
      add: ({ a, b }) => a + b,
      async *count(_, { signal }) {
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
        });
        await new Promise<void>((resolve) => (tidy = resolve));
        tidied = true;
        yield 0;
      },
      async *echo(_, up) {
        yield* up;
      },
    },
  });
  const [window, door] = channelPair();
  service.accept(door);
  const client = createClient<typeof contract>(window);
  const next = client.stream("test.count", {}).next();
  await client.call("test.add", { a: 1, b: 1 });
  window.close();
  await expect(next).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const closed = service.close().then(() => tidied);
  await settled();
  tidy();
  expect(await closed).toBe(true);
});
