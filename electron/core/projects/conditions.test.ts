import { expect, test } from "vitest";
import type { Condition } from "#shared/compose/project";
import type { Container } from "#shared/contract/containers";
import { isMet } from "./conditions.ts";

type Change = Partial<Pick<Container, "restart" | "restartCount">> & {
  state: Container["state"];
};
const row = (change: Change): Container => ({
  ...{ id: "a", name: "db", image: { id: "b", name: "i" }, args: [], createdAt: 0, labels: {} },
  ...{ runtime: "oci/runc", terminal: false, restart: { name: "no" }, restartCount: 0 },
  ...{ limits: {}, ports: [] },
  ...change,
});

const exited = (exitCode: number, more: Partial<Change> = {}): Change => ({
  state: { status: "exited", exitCode },
  ...more,
});
const running = (health?: Container["state"]["health"]): Change => ({
  state: { status: "running", ...(health ? { health } : {}) },
});

test.each<[Condition, Change, true | undefined | string]>([
  ["service_started", running(), true],
  ["service_started", exited(1), true],
  ["service_started", { state: { status: "created" } }, undefined],
  ["service_healthy", running(), undefined],
  ["service_healthy", running("starting"), undefined],
  ["service_healthy", running("healthy"), true],
  ["service_healthy", running("unhealthy"), "“db” is unhealthy"],
  ["service_healthy", exited(1), "“db” ended with 1 before it was healthy"],
  ["service_healthy", exited(1, { restart: { name: "always" } }), undefined],
  ["service_completed_successfully", running(), undefined],
  ["service_completed_successfully", exited(0), true],
  ["service_completed_successfully", exited(3), "“db” ended with 3"],
  [
    "service_completed_successfully",
    exited(3, { restart: { name: "on-failure", maximumRetries: 2 }, restartCount: 1 }),
    undefined,
  ],
  [
    "service_completed_successfully",
    exited(3, { restart: { name: "on-failure", maximumRetries: 2 }, restartCount: 2 }),
    "“db” ended with 3",
  ],
  [
    "service_completed_successfully",
    { state: { status: "exited", exitCode: 3, activity: "restarting" } },
    undefined,
  ],
  ["service_started", { state: { status: "shim-lost" } }, "“db” can't be seen any more"],
])("%s of %j: %s", (condition, change, expected) => {
  const look = (): true | undefined => isMet(row(change), condition);
  if (typeof expected === "string") expect(look).toThrow(expected);
  else expect(look()).toBe(expected);
});

test("one that is not listed yet may still become anything", () => {
  expect(isMet(undefined, "service_healthy")).toBeUndefined();
});
