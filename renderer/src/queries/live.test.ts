import { waitFor } from "@testing-library/react";
import { expect, it } from "vitest";
import type { Container } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import { FakeCore } from "../testing/fake-client.ts";
import { fakeContainers, fakeId } from "../testing/fake-data.ts";
import { createQueryClient } from "./client.tsx";
import { containerSource } from "./containers.ts";
import { applyDelta, type Collection, Live } from "./live.ts";

it("applies steps, and leaves what did not change as it is", () => {
  const [a, b] = [{ id: "a" }, { id: "b" }];
  const first = applyDelta(undefined, { reset: true, put: [a, b], removed: [] });
  const changed = { id: "b" };
  const second = applyDelta(first, { reset: false, put: [changed, { id: "c" }], removed: [] });
  expect(second.items.get("a")).toBe(a);
  expect(second.items.get("b")).toBe(changed);
  expect([...second.items.keys()]).toEqual(["a", "b", "c"]);
  const third = applyDelta(second, { reset: false, put: [], removed: ["a"] });
  expect([...third.items.keys()]).toEqual(["b", "c"]);
  expect(first.items.size).toBe(2);
  expect([...applyDelta(third, { reset: true, put: [a], removed: [] }).items.keys()]).toEqual([
    "a",
  ]);
});

it("opens one stream for all who watch, and opens it again when it breaks", async () => {
  const core = new FakeCore({ containers: fakeContainers().slice(0, 2) });
  const queries = createQueryClient();
  const live = new Live(core.connections.shown.client, queries);
  const now = (): Collection<Container> | undefined => queries.getQueryData(containerSource.key);
  live.watchCollection(containerSource);
  live.watchCollection(containerSource);
  await waitFor(() => expect(now()?.items.size).toBe(2));
  const kept = now()?.items.get(fakeId(1));

  core.containers.break(new AppError("UNAVAILABLE", "gone"));
  await waitFor(() => expect(now()).toMatchObject({ status: "stale", error: { message: "gone" } }));
  expect(now()?.items.get(fakeId(1))).toBe(kept);

  await waitFor(() => expect(now()?.status).toBe("live"));
  core.containers.remove(fakeId(1));
  await waitFor(() => expect(now()?.items.size).toBe(1));
  live.dispose();
});
