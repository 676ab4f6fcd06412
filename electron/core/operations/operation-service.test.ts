import { afterEach, expect, test, vi } from "vitest";
import type { Operation } from "#shared/contract/activity";
import { AppError } from "#shared/errors";
import { OperationService } from "./operation-service.ts";

afterEach(() => {
  vi.useRealTimers();
});

async function shown(service: OperationService): Promise<Operation[]> {
  for await (const { put } of service.watch(new AbortController().signal)) return put;
  return [];
}

const spec = { kind: "import", title: "Importing x", cancellable: true };

test("a cancelled operation says so, and its body is told", async () => {
  const service = new OperationService();
  const run = service.run(spec, async (op) => {
    await new Promise((_resolve, reject) => {
      op.signal.addEventListener("abort", () => reject(new AppError("CANCELLED", "cancelled")));
    });
  });
  const [operation] = await shown(service);
  service.cancel(operation?.id as string);
  await expect(run).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await shown(service)).toMatchObject([{ status: "cancelled", cancellable: false }]);
  expect(() => service.cancel(operation?.id as string)).toThrow("has ended already");
  service.dispose();
});

test("an operation within another is cancelled with it", async () => {
  const service = new OperationService();
  const outer = new AbortController();
  const wait = (within: AbortSignal): Promise<void> =>
    service.run(
      spec,
      async ({ signal }) => {
        if (!signal.aborted) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        }
        signal.throwIfAborted();
      },
      within,
    );
  const run = wait(outer.signal);
  outer.abort();
  await expect(run).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(wait(outer.signal)).rejects.toMatchObject({ code: "CANCELLED" });
  expect(await shown(service)).toMatchObject([{ status: "cancelled" }, { status: "cancelled" }]);
  service.dispose();
});

test("a failed operation keeps its error for ten minutes", async () => {
  vi.useFakeTimers();
  const service = new OperationService();
  const failure = new AppError("RESOURCE_EXHAUSTED", "The disk is full", { output: "ENOSPC" });
  const run = service.run(spec, async (op) => {
    op.progress(2);
    throw failure;
  });
  await expect(run).rejects.toBe(failure);
  expect(await shown(service)).toMatchObject([
    { status: "failed", progress: 1, error: { details: { output: "ENOSPC" } } },
  ]);
  vi.advanceTimersByTime(10 * 60_000 + 1);
  expect(await shown(service)).toEqual([]);
});
