import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { AppError } from "#shared/errors";
import { idle, rootless, useNetworks } from "../network/test-desk.ts";

const { own, config, inside, memberOf } = useNetworks();

afterEach(() => vi.restoreAllMocks());

const made = async (): Promise<string> =>
  (await own.core.containers.create(config(idle), false)).id;

/** Milliseconds that something may take while a container is being started; what waits for that goes on after it. */
const enough = 500;

/** Starts a container and has something done once its runtime has made it, and before it runs. */
async function startAnd(id: string, act: () => Promise<unknown>): Promise<unknown> {
  const { connections } = own.core.networks;
  const join = connections.join.bind(connections);
  let acting: Promise<unknown> | undefined;
  vi.spyOn(connections, "join").mockImplementationOnce(async (...request) => {
    await join(...request);
    acting = act().catch((error: unknown) => error);
    await Promise.race([acting, delay(enough)]);
  });
  await own.core.containers.lifecycle.start(id);
  return acting;
}

test("a stop that was told to have been done is one", async () => {
  const id = await made();
  const error = await startAnd(id, () => own.core.containers.lifecycle.stop(id, 0));
  expect(error).toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringContaining("being started"),
  });
  expect(own.core.containers.lifecycle.isLive(id)).toBe(true);
  await own.core.containers.lifecycle.stop(id, 0);
  expect(own.core.containers.lifecycle.isLive(id)).toBe(false);
});

test.skipIf(rootless)("limits that are changed then are those that it has", async () => {
  const id = await made();
  await startAnd(id, () => own.core.containers.updateLimits(id, { pids: 77 }));
  const dirs = await own.core.containers.lifecycle.task(id)?.cgroup();
  const file = join(dirs?.pids ?? dirs?.unified ?? "", "pids.max");
  expect((await readFile(file, "utf8")).trim()).toBe("77");
});

test("a network that it is connected to then is there, and those that it had stay", async () => {
  await own.core.networks.create({ name: "late" });
  const id = await made();
  await startAnd(id, () => own.core.containers.membership.connect(id, { name: "late" }));
  expect(await inside(id, "ip", "addr", "show", "eth1")).toContain(
    (await memberOf("late", id)).ip4,
  );
  const { connected } = await memberOf("bridge", id);
  expect(connected).toBe(true);
  await startAgainAnd(id, () => own.core.containers.membership.disconnect(id, "late"));
  await expect(inside(id, "ip", "addr", "show", "eth1")).rejects.toThrow();
});

async function startAgainAnd(id: string, act: () => Promise<unknown>): Promise<void> {
  await own.core.containers.lifecycle.stop(id, 0);
  await startAnd(id, act);
}

test("a record that can't be written then is told, and nothing of it runs", async () => {
  const id = await made();
  const { records, lifecycle } = own.core.containers;
  const full = new AppError("RESOURCE_EXHAUSTED", "The disk is full");
  const update = records.update.bind(records);
  // Not a spy, which would take note of the rejection as nobody else does.
  records.update = () => {
    records.update = update;
    return Promise.reject(full);
  };
  // It fails long before it is waited for.
  const starting = startAnd(id, () => delay(50));
  await expect(starting).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  expect(lifecycle.task(id)).toBeUndefined();
  await lifecycle.start(id);
});

test("a name that it is given then is the one that others find it by", async () => {
  const id = await made();
  const { connections } = own.core.networks;
  const prepare = connections.prepare.bind(connections);
  vi.spyOn(connections, "prepare").mockImplementationOnce(async (...request) => {
    await own.core.containers.rename(id, "renamed");
    return prepare(...request);
  });
  await own.core.containers.lifecycle.start(id);
  await vi.waitFor(async () =>
    expect((await memberOf("bridge", id)).containerName).toBe("renamed"),
  );
});
