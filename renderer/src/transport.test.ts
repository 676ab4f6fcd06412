import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Channel, Frame } from "#shared/rpc/define";
import { channelPair } from "#shared/rpc/pair";
import { type ConnectionState, keepConnected } from "./transport.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A core that answers every call with an empty list, and never ends a stream. */
function core(): { open: () => Promise<Channel>; ends: Channel[]; down: boolean; opened: Frame[] } {
  const state = {
    ends: [] as Channel[],
    opened: [] as Frame[],
    down: false,
    open: async () => {
      if (state.down) throw new Error("refused");
      const [near, far] = channelPair();
      far.onFrame((frame) => {
        state.opened.push(frame);
        if (frame.t === "open" && frame.method === "containers.list") {
          far.send({ t: "end", id: frame.id, value: [] });
        }
      });
      state.ends.push(far);
      return near;
    },
  };
  return state;
}

const never = (): Promise<boolean> => Promise.resolve(false);

test("the client outlives its connections", async () => {
  const server = core();
  const connection = await keepConnected<AppContract>(server.open, never);
  const states: ConnectionState[] = [];
  connection.onState((state) => states.push(state));
  const { client } = connection;
  expect(await client.call("containers.list", {})).toEqual([]);
  const watching = client.stream("containers.watch", {}).next();

  server.down = true;
  server.ends[0]?.close();
  await expect(watching).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(client.call("containers.list", {})).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection.state).toBe("reconnecting");

  server.down = false;
  await vi.advanceTimersByTimeAsync(5000);
  // The second time with the reason why.
  expect(states).toEqual(["reconnecting", "reconnecting", "connected"]);
  expect(await client.call("containers.list", {})).toEqual([]);
});

test("a refusal is final, and says what to do", async () => {
  const server = core();
  server.down = true;
  const refused = keepConnected<AppContract>(server.open, () => Promise.resolve(true));
  await expect(refused).rejects.toMatchObject({ code: "UNAUTHENTICATED" });

  server.down = false;
  let known = true;
  const connection = await keepConnected<AppContract>(server.open, async () => !known);
  known = false;
  server.down = true;
  server.ends[0]?.close();
  await vi.advanceTimersByTimeAsync(1000);
  expect(connection.state).toBe("closed");
  await expect(connection.client.call("containers.list", {})).rejects.toBeInstanceOf(AppError);
});

test("why it can't connect is told, until it can", async () => {
  const server = core();
  let reason = new AppError("NOT_FOUND", "It is not installed");
  server.down = true;
  const connecting = keepConnected<AppContract>(() => {
    if (server.down) throw reason;
    return server.open();
  }, never);
  await vi.advanceTimersByTimeAsync(1000);
  server.down = false;
  await vi.advanceTimersByTimeAsync(1000);
  const connection = await connecting;
  expect(connection.trouble).toBeUndefined();

  const told: unknown[] = [];
  connection.onState((state) => told.push([state, connection.trouble?.code]));
  server.down = true;
  server.ends[0]?.close();
  await vi.advanceTimersByTimeAsync(2000);
  reason = new AppError("PERMISSION_DENIED", "You may not");
  await vi.advanceTimersByTimeAsync(10_000);
  server.down = false;
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toEqual([
    ["reconnecting", undefined],
    ["reconnecting", "NOT_FOUND"],
    ["reconnecting", "PERMISSION_DENIED"],
    ["connected", undefined],
  ]);
});

test("closing is final too", async () => {
  const server = core();
  const connection = await keepConnected<AppContract>(server.open, never);
  connection.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection.state).toBe("closed");
  expect(server.ends).toHaveLength(1);
});

test("a core that closes every connection is not asked without end", async () => {
  const server = core();
  const connection = await keepConnected<AppContract>(async () => {
    const channel = await server.open();
    queueMicrotask(() => channel.close());
    return channel;
  }, never);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(server.ends.length).toBeLessThan(50);
  connection.close();
});
