import { AppError } from "#shared/errors";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { isLasting, keepReading } from "./keep-reading.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Streams that give one number each, then fail with these in turn; the last one ends. */
function failing(...errors: AppError[]) {
  let opened = 0;
  const open = async function* (): AsyncGenerator<number> {
    opened += 1;
    yield opened;
    const error = errors[opened - 1];
    if (error) throw error;
  };
  return { open, opened: () => opened };
}

const gone = new AppError("UNAVAILABLE", "gone");

it("opens it again when it breaks or ends, and says that something was missed", async () => {
  const { open } = failing(gone);
  const abort = new AbortController();
  const again = vi.fn();
  const taken: number[] = [];
  const broken: string[] = [];
  void keepReading(open, {
    ...{ signal: abort.signal, take: (n) => void taken.push(n), again },
    broken: ({ message }) => broken.push(message) > 0,
  });
  await vi.advanceTimersByTimeAsync(250);
  expect(taken).toEqual([1, 2, 3]);
  expect(again).toHaveBeenCalledTimes(2);
  expect(broken).toEqual(["gone", "The core ended its updates", "The core ended its updates"]);
  abort.abort();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(taken).toEqual([1, 2, 3]);
});

it("stops at what another try would find again", async () => {
  const { open, opened } = failing(gone, new AppError("NOT_FOUND", "no such container"));
  await Promise.all([
    keepReading(open, {
      ...{ signal: new AbortController().signal, take: () => undefined },
      broken: (error) => !isLasting(error),
    }),
    vi.advanceTimersByTimeAsync(5000),
  ]);
  expect(opened()).toBe(2);
});
