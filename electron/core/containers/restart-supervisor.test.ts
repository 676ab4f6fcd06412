import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RestartPolicy } from "#shared/contract/containers";
import { emptyConfig } from "../images/image-config.ts";
import type { ContainerRecord } from "./container-store.ts";
import { RestartSupervisor, wantsRestart, wantsRestartAtLoad } from "./restart-supervisor.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function ended(
  restart: RestartPolicy,
  code: number | undefined,
  more: Partial<ContainerRecord> = {},
): ContainerRecord {
  return {
    id: "a",
    config: {
      ...{ name: "web", imageId: "i", args: [], env: [], terminal: false },
      ...{ limits: {}, restart, labels: {} },
    },
    image: { id: "i", name: "i", config: emptyConfig },
    ...{
      createdAt: 0,
      runtime: "oci/runc",
      restartCount: 0,
      stoppedByUser: false,
      ownVolumes: {},
      warnings: [],
      notes: [],
    },
    startedAt: 1000,
    exit: { exitedAt: 2000, oomKilled: false, code },
    ...more,
  };
}

test.each<[RestartPolicy["name"], number | undefined, Partial<ContainerRecord>, boolean, boolean]>([
  ["no", 1, {}, false, false],
  ["on-failure", 0, {}, false, false],
  ["on-failure", 1, {}, true, true],
  ["on-failure", undefined, {}, true, true],
  ["always", 0, {}, true, true],
  ["always", 0, { stoppedByUser: true }, false, true],
  ["always", 0, { startedAt: undefined }, true, false],
  ["unless-stopped", 0, {}, true, true],
  ["unless-stopped", 0, { stoppedByUser: true }, false, false],
])("%s after exit %s, %o: at once %s, at load %s", (name, code, more, now, atLoad) => {
  const record = ended({ name }, code, more);
  expect(wantsRestart(record)).toBe(now);
  expect(wantsRestartAtLoad(record)).toBe(atLoad);
});

test("on-failure gives up after its retries", () => {
  const policy = { name: "on-failure", maximumRetries: 2 } as const;
  expect(wantsRestart(ended(policy, 1, { restartCount: 1 }))).toBe(true);
  expect(wantsRestart(ended(policy, 1, { restartCount: 2 }))).toBe(false);
});

test("waits twice as long each time, at most a minute, and begins anew after a good run", () => {
  let restarts = 0;
  const supervisor = new RestartSupervisor(() => {
    restarts += 1;
  });
  const record = ended({ name: "always" }, 1);
  for (let delay = 100; delay < 200_000; delay *= 2) {
    supervisor.exited(record);
    vi.advanceTimersByTime(Math.min(delay, 60_000) - 1);
    const before = restarts;
    vi.advanceTimersByTime(1);
    expect(restarts).toBe(before + 1);
  }
  supervisor.exited(ended({ name: "always" }, 1, { startedAt: -9000 }));
  const before = restarts;
  vi.advanceTimersByTime(100);
  expect(restarts).toBe(before + 1);
});

test("forgetting cancels what is due", () => {
  let restarts = 0;
  const supervisor = new RestartSupervisor(() => {
    restarts += 1;
  });
  supervisor.exited(ended({ name: "always" }, 1));
  supervisor.forget("a");
  vi.advanceTimersByTime(100_000);
  expect(restarts).toBe(0);
});

test("a manager that has started goes on with the delay that was come to", () => {
  let restarts = 0;
  const supervisor = new RestartSupervisor(() => {
    restarts += 1;
  });
  const dueAfter = (delay: number, record: ContainerRecord): void => {
    const before = restarts;
    supervisor.resumed(record);
    vi.advanceTimersByTime(delay - 1);
    expect(restarts).toBe(before);
    vi.advanceTimersByTime(1);
    expect(restarts).toBe(before + 1);
  };
  dueAfter(100, ended({ name: "always" }, 1));
  dueAfter(800, ended({ name: "always" }, 1, { restartCount: 3 }));
  dueAfter(60_000, ended({ name: "always" }, 1, { restartCount: 1000 }));
  // It ran well, nobody saw its end, or the user had ended it.
  dueAfter(100, ended({ name: "always" }, 1, { restartCount: 9, startedAt: -9000 }));
  dueAfter(100, ended({ name: "always" }, 1, { restartCount: 9, exit: undefined }));
  dueAfter(100, ended({ name: "always" }, 1, { restartCount: 9, stoppedByUser: true }));
});
