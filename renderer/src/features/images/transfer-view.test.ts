import { expect, it } from "vitest";
import type { Transfer } from "#shared/contract/images";
import type { TransferFailure } from "../../state/transfer-failures.ts";
import { shownTransfers, transferTotals } from "./transfer-view.ts";

const error = { code: "NOT_FOUND" as const, message: "There is no such image", details: {} };
const transfer = (id: string, startedAt: number, rest: Partial<Transfer> = {}): Transfer => ({
  ...{ id, direction: "pull", reference: "web:1", status: "failed", startedAt, layers: [] },
  ...{ error, ...rest },
});
const failure = (startedAt: number): TransferFailure => ({
  ...{ direction: "pull", reference: "web:1", platform: "linux/arm64", startedAt, error },
});
const ids = (
  transfers: Transfer[],
  failures: TransferFailure[] = [],
  dismissed: string[] = [],
): string[] => shownTransfers(transfers, failures, new Set(dismissed)).map(({ id }) => id);

it("shows what runs and what failed, newest first, and not what is done", () => {
  const list = [
    transfer("a", 1, { reference: "a" }),
    transfer("b", 3, { reference: "b", status: "running" }),
    transfer("c", 2, { reference: "c", status: "done" }),
  ];
  expect(ids(list)).toEqual(["b", "a"]);
});

it("lets a failure go when the same is tried again, and when it is dismissed", () => {
  expect(ids([transfer("old", 1), transfer("new", 2, { status: "running" })])).toEqual(["new"]);
  expect(ids([transfer("old", 1), transfer("new", 2, { status: "done" })])).toEqual([]);
  expect(ids([transfer("old", 1)], [], ["old"])).toEqual([]);
  // A push of the same is another thing.
  expect(ids([transfer("old", 1), transfer("new", 2, { direction: "push" })])).toHaveLength(2);
});

it("tells a failure once: by the core's transfer where there is one, with what was asked for", () => {
  const [told] = shownTransfers([transfer("a", 10)], [failure(9)], new Set());
  expect(told).toMatchObject({ id: "a", platform: "linux/arm64" });
  expect(ids([transfer("a", 10)], [failure(9)])).toEqual(["a"]);
  expect(ids([], [failure(9)])).toEqual(["pull web:1"]);
  // Tried again after one that the core knows: refused before it began.
  expect(ids([transfer("a", 10)], [failure(20)])).toEqual(["pull web:1", "a"]);
});

it("adds up layers, and counts as moved only what was", () => {
  const layer = (state: Transfer["layers"][number]["state"], size: number, done: number) => ({
    ...{ digest: "sha256:0", size, done, state },
  });
  expect(
    transferTotals([layer("there", 50, 50), layer("moving", 100, 25), layer("done", 10, 10)]),
  ).toEqual({ size: 160, done: 85, moved: 35, ready: 2 });
});
