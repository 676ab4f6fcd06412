import { expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import type { Health, HealthCheck, HealthStatus } from "#shared/contract/health";
import { shareTestCore } from "../images/test-core.ts";

const own = shareTestCore();

/** A check asks whether there is a file /ok. */
const asking: HealthCheck = {
  test: ["CMD-SHELL", "echo looked; test -e /ok"],
  ...{ intervalSeconds: 0.2, timeoutSeconds: 20, retries: 2 },
};

let count = 0;
async function start(healthCheck: HealthCheck, script = "touch /ok; exec sleep 1000") {
  count += 1;
  const config: ContainerConfig = {
    ...{
      name: `health-${count}`,
      imageId: own.imageId,
      args: ["sh", "-c", script],
      env: [],
      terminal: false,
    },
    ...{ limits: {}, restart: { name: "no" }, labels: {}, networks: "none", healthCheck },
  };
  return (await own.core.containers.create(config, true)).id;
}

async function healthOf(id: string): Promise<Health> {
  const abort = new AbortController();
  for await (const health of own.core.health.watch(id, abort.signal)) return health;
  throw new Error("nothing was said of its health");
}

const rowOf = async (id: string) =>
  (await own.core.containers.list()).find((container) => container.id === id);

const until = (id: string, status: HealthStatus | undefined): Promise<Health> =>
  vi.waitFor(
    async () => {
      const health = await healthOf(id);
      expect(health.status).toBe(status);
      expect((await rowOf(id))?.state.health).toBe(status);
      return health;
    },
    { timeout: 20_000, interval: 20 },
  );

const inside = (id: string, ...args: string[]) => own.core.containers.exec(id, { args });

test("it is healthy, unhealthy after its retries, healthy again, and the journal has each change", async () => {
  const id = await start(asking);
  const healthy = await until(id, "healthy");
  expect(healthy.results.at(-1)).toMatchObject({ exitCode: 0, output: "looked\n" });
  await inside(id, "rm", "/ok");
  const unhealthy = await until(id, "unhealthy");
  expect(unhealthy.failingStreak).toBeGreaterThanOrEqual(2);
  expect(unhealthy.results.at(-1)).toMatchObject({ exitCode: 1, output: "looked\n" });
  await inside(id, "touch", "/ok");
  expect((await until(id, "healthy")).failingStreak).toBe(0);
  const events = await own.core.exchange.query({ containerId: id, limit: 100 });
  const told = events.filter(({ topic }) => topic === "/shimyard/health").reverse();
  expect(told.map(({ data }) => data["status"])).toEqual(["healthy", "unhealthy", "healthy"]);
  await own.core.containers.lifecycle.stop(id, 0);
  const rested = await until(id, undefined);
  expect(rested.results.length).toBeGreaterThan(0);
  expect(rested.watchedSince).toBeUndefined();
});

test("one that takes too long is killed, with what it has started", async () => {
  const test = ["CMD-SHELL", "sleep 4321 & sleep 4322; true"];
  const id = await start({ ...asking, test, timeoutSeconds: 0.5, retries: 1 });
  const { results } = await until(id, "unhealthy");
  expect(results.at(-1)).toMatchObject({ output: "It was killed after 0.5 s" });
  expect(results.at(-1)?.exitCode).toBeUndefined();
  await own.core.health.quiet(id);
  const { stdout } = await inside(id, "ps", "-o", "args");
  expect(Buffer.from(stdout).toString()).not.toMatch(/sleep 432/);
});

test("a command that is not there is told as the failure that it is", async () => {
  const id = await start({ ...asking, test: ["CMD", "no-such-check"], retries: 1 });
  const { results } = await until(id, "unhealthy");
  expect(results.at(-1)?.output).toContain("no-such-check");
});

test("failures in the start period leave it starting", async () => {
  const early = { startPeriodSeconds: 1000, startIntervalSeconds: 0.1, intervalSeconds: 1000 };
  const id = await start({ ...asking, ...early }, "exec sleep 1000");
  await vi.waitFor(async () => expect((await healthOf(id)).results.length).toBeGreaterThan(3), {
    timeout: 20_000,
  });
  expect(await healthOf(id)).toMatchObject({ status: "starting", failingStreak: 0 });
  await inside(id, "touch", "/ok");
  await until(id, "healthy");
});

test("nothing is checked while it is paused, and what is much is cut", async (context) => {
  const { pause } = own.core.system.info.value.abilities;
  if (!pause.ok) context.skip(`it can't be paused here: ${pause.reason}`);
  const much = "yes | head -c 100000; test -e /ok";
  const id = await start({ ...asking, test: ["CMD-SHELL", much] });
  const { results } = await until(id, "healthy");
  expect(results.at(-1)?.output).toHaveLength(4096);
  await own.core.containers.lifecycle.pause(id);
  await until(id, undefined);
  const before = await healthOf(id);
  // Several intervals.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await healthOf(id)).toEqual(before);
  await own.core.containers.lifecycle.resume(id);
  await until(id, "healthy");
});

test("the history outlives the manager, and until it has looked again nothing is claimed", async () => {
  const id = await start(asking);
  await until(id, "healthy");
  await inside(id, "rm", "/ok");
  const before = await until(id, "unhealthy");
  await own.reopen();
  const reopened = Date.now();
  const found = await healthOf(id);
  if (found.results.at(-1)?.startedAt === before.results.at(-1)?.startedAt) {
    expect(found.status).toBe("starting");
  }
  // The streak goes on: one more failure is enough.
  const after = await until(id, "unhealthy");
  expect(after.results[0]?.startedAt).toBeLessThan(reopened);
  expect(after.watchedSince).toBeGreaterThan(before.results.at(-1)?.endedAt ?? Infinity);
  const events = await own.core.exchange.query({ containerId: id, limit: 100 });
  expect(events.filter(({ topic }) => topic === "/shimyard/health")).toHaveLength(2);
});

test("an image's own check is its containers', who may change it in part or have none", async () => {
  const { containers, containerImages } = own.core;
  const maker = await start({ test: ["NONE"] });
  const image = await containerImages.commit({
    ...{ containerId: maker, name: "test:checked", pause: false },
    config: { healthCheck: { test: ["CMD-SHELL", "test -e /ok"], intervalSeconds: 0.2 } },
  });
  const make = async (name: string, healthCheck?: HealthCheck): Promise<string> => {
    const config: ContainerConfig = {
      ...{ name, imageId: image.id, args: ["sleep", "1000"], env: [], terminal: false },
      ...{ limits: {}, restart: { name: "no" }, labels: {}, networks: "none" },
      ...(healthCheck ? { healthCheck } : {}),
    };
    return (await containers.create(config, true)).id;
  };
  const inherits = await make("inherits");
  const changes = await make("changes", { test: ["CMD", "false"], retries: 1 });
  const refuses = await make("refuses", { test: ["NONE"] });
  await until(inherits, "healthy");
  await until(changes, "unhealthy");
  expect(await healthOf(refuses)).toEqual({ failingStreak: 0, results: [] });
});

test("a container that is deleted leaves no history", async () => {
  const id = await start(asking);
  await until(id, "healthy");
  await own.core.containers.delete(id, true);
  await expect(healthOf(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
