import { expect, test, vi } from "vitest";
import type { Container, ContainerConfig } from "#shared/contract/containers";
import { shareTestCore } from "../images/test-core.ts";

const own = shareTestCore();

let count = 0;
function config(script: string, more: Partial<ContainerConfig> = {}): ContainerConfig {
  count += 1;
  return {
    ...{
      name: `ending-${count}`,
      imageId: own.imageId,
      args: ["sh", "-c", script],
      env: [],
      terminal: false,
    },
    ...{ limits: {}, restart: { name: "no" }, labels: {}, networks: "none", ...more },
  };
}

const rowOf = async (id: string): Promise<Container | undefined> =>
  (await own.core.containers.list()).find((container) => container.id === id);

/** Until what it does at once is done: a first process without a handler ignores most signals. */
async function startReady(script: string, more: Partial<ContainerConfig> = {}): Promise<string> {
  const { id } = await own.core.containers.create(
    config(`${script}; echo ready; ${loop}`, more),
    true,
  );
  await vi.waitFor(
    async () => {
      const { lines } = await own.core.logs.read({ id, from: 0, count: 1 });
      expect(lines).toMatchObject([{ text: "ready" }]);
    },
    { timeout: 15_000, interval: 20 },
  );
  return id;
}
const loop = "while :; do sleep 0.1; done";

const gone = (id: string): Promise<void> =>
  vi.waitFor(async () => expect(await rowOf(id)).toBeUndefined(), { timeout: 15_000 });

test("its own stop signal and grace are used, unless a call names another grace", async () => {
  const { lifecycle } = own.core.containers;
  const traps = "trap 'exit 7' QUIT; trap 'echo no' TERM";
  const id = await startReady(traps, { stopSignal: "quit", stopGraceSeconds: 600 });
  await lifecycle.stop(id);
  expect((await rowOf(id))?.state).toMatchObject({ status: "exited", exitCode: 7 });
  const stubborn = await startReady("trap '' TERM", { stopGraceSeconds: 0 });
  await lifecycle.stop(stubborn);
  expect((await rowOf(stubborn))?.state).toMatchObject({ exitCode: 137 });
  const patient = await startReady("trap '' TERM", { stopGraceSeconds: 600 });
  await lifecycle.stop(patient, 0.1);
  expect((await rowOf(patient))?.state).toMatchObject({ exitCode: 137 });
});

test("only its stop signal and SIGKILL keep a restart policy from answering", async () => {
  const restart = { name: "unless-stopped" } as const;
  const id = await startReady("trap 'exit 7' QUIT TERM", { stopSignal: "SIGQUIT", restart });
  await own.core.containers.lifecycle.kill(id, "SIGTERM");
  await vi.waitFor(async () => expect((await rowOf(id))?.restartCount).toBe(1), {
    timeout: 15_000,
  });
  await vi.waitFor(async () => expect((await rowOf(id))?.state.status).toBe("running"));
  await own.core.containers.lifecycle.kill(id, "SIGKILL");
  await vi.waitFor(async () => expect((await rowOf(id))?.state.status).toBe("exited"));
  await own.reopen();
  expect((await rowOf(id))?.state.status).toBe("exited");
  // The user's start counts anew.
  await own.core.containers.lifecycle.start(id);
  expect((await rowOf(id))?.restartCount).toBe(0);
});

test("a restart by policy is told in a line, with the exit that it answers, and step by step to who asks", async () => {
  const restart = { name: "on-failure", maximumRetries: 2 } as const;
  const { id } = await own.core.containers.create(config("exit 3", { restart }), true);
  /** Sorted: one that ends at once may be told to have done so before it is told to have started. */
  const told = async (brief: boolean): Promise<string[]> => {
    const events = await own.core.exchange.query({ containerId: id, limit: 100, brief });
    return events
      .map(({ topic, data: { count, code } }) => [topic, count, code].filter(Boolean).join(" "))
      .sort();
  };
  const restarts = ["/shimyard/restarting 1 3", "/shimyard/restarting 2 3"];
  const run = ["/tasks/create", "/tasks/start"];
  await vi.waitFor(
    async () =>
      // The last exit is told as what it is: nothing follows it.
      expect(await told(true)).toEqual(
        [...restarts, "/containers/create", ...run, "/tasks/exit 3"].sort(),
      ),
    { timeout: 15_000 },
  );
  const again = ["/tasks/exit 3", "/tasks/delete", ...run];
  await vi.waitFor(async () =>
    expect(await told(false)).toEqual(
      [
        ...[...restarts, "/containers/create", ...run, "/tasks/exit 3"],
        ...[...again, ...again],
      ].sort(),
    ),
  );
});

test("what is no signal, and a restart of what is removed, is refused", async () => {
  const { containers } = own.core;
  await expect(
    containers.create(config(loop, { stopSignal: "SIGNOPE" }), false),
  ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { field: "stopSignal" } });
  const both = config(loop, { autoRemove: true, restart: { name: "always" } });
  await expect(containers.create(both, false)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    details: { field: "restart" },
  });
  const { id } = await containers.create(config(loop, { autoRemove: true }), false);
  await expect(containers.updateRestart(id, { name: "always" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  expect(await rowOf(id)).toMatchObject({ restart: { name: "no" } });
});

test("it is removed when it ends, also by a stop, but not by a restart", async () => {
  const { containers } = own.core;
  const short = await containers.create(config("exit 3", { autoRemove: true }), true);
  await gone(short.id);
  const id = await startReady("trap 'exit 0' TERM", { autoRemove: true });
  await containers.lifecycle.restart(id, 10);
  expect((await rowOf(id))?.state.status).toBe("running");
  await containers.lifecycle.stop(id, 0);
  await gone(id);
});

test("it is removed at the next start when it ended while no manager ran", async () => {
  const { containers } = own.core;
  const ends = await containers.create(config("sleep 1", { autoRemove: true }), true);
  const stays = await containers.create(config("sleep 1"), true);
  await own.core.close();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await own.reopen();
  await gone(ends.id);
  expect(await rowOf(stays.id)).toMatchObject({ state: { status: "exited" } });
});
