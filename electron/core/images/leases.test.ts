import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Store } from "../store/store.ts";
import { Leases } from "./leases.ts";

let dir: string;
let store: Store;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-leases-"));
  store = await Store.open(dir);
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const fail = async (): Promise<never> => {
  throw new Error("failed");
};

test("what is held is held until its work ends, however", async () => {
  const leases = new Leases(store);
  const ends: boolean[] = [];
  leases.onEnd = async (failed) => void ends.push(failed);
  await leases.during({ what: "a" }, async (lease) => {
    await lease.hold({ digests: ["d1"], diffIds: ["l1"] });
    expect(leases.held()).toEqual({ digests: new Set(["d1"]), diffIds: new Set(["l1"]) });
  });
  await expect(leases.during({ what: "b", open: true }, fail)).rejects.toThrow("failed");
  expect(leases.held()).toEqual({ digests: new Set(), diffIds: new Set() });
  expect(leases.open).toBe(false);
  expect(ends).toEqual([false, true]);
});

test("one that can't be written down holds nothing, and says why", async () => {
  const lost = await Store.open(join(dir, "lost"));
  const leases = new Leases(lost);
  const ends: boolean[] = [];
  leases.onEnd = async (failed) => void ends.push(failed);
  // As on a full disk, whether there is room can't be said of it.
  await rm(join(dir, "lost"), { recursive: true });
  await expect(leases.during({ what: "a", open: true }, fail)).rejects.toThrow("ENOENT");
  expect(leases.open).toBe(false);
  expect(leases.held()).toEqual({ digests: new Set(), diffIds: new Set() });
  expect(ends).toEqual([true]);
  await lost.close();
});

test("what a next try can use is held after a failure and after a crash, until it succeeds or is given up", async () => {
  const pull = { what: "pull x", resumable: true };
  const first = new Leases(store);
  const broken = first.during(pull, async (lease) => {
    await lease.hold({ digests: ["d1"] });
    return fail();
  });
  await expect(broken).rejects.toThrow("failed");
  expect(first.held().digests).toEqual(new Set(["d1"]));
  // A manager that was killed while it pulled something else.
  let begun = (): void => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  void first.during({ what: "pull y", resumable: true }, async (lease) => {
    await lease.hold({ digests: ["d2"] });
    begun();
    await new Promise(() => undefined);
  });
  void first.during({ what: "import z" }, async (lease) => {
    await lease.hold({ digests: ["d3"] });
    await new Promise(() => undefined);
  });
  await running;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const next = new Leases(store);
  expect(next.held().digests).toEqual(new Set(["d1", "d2"]));
  await next.during(pull, async () => {
    expect(next.held().digests).toEqual(new Set(["d1", "d2"]));
  });
  expect(next.held().digests).toEqual(new Set(["d2"]));
  await next.expire({ all: true });
  expect(next.held().digests).toEqual(new Set());
});

test("whoever takes hold of something waits for the removal that is under way", async () => {
  const leases = new Leases(store);
  let removed = (): void => undefined;
  leases.removing = new Promise<void>((resolve) => {
    removed = resolve;
  });
  const order: string[] = [];
  const work = leases.during({ what: "a" }, async (lease) => {
    await lease.hold({ digests: ["d1"] });
    order.push("held");
  });
  await vi.waitFor(() => expect(leases.held().digests).toEqual(new Set(["d1"])), 30_000);
  order.push("removed");
  removed();
  await work;
  expect(order).toEqual(["removed", "held"]);
});
