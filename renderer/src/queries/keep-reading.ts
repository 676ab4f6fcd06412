import { AppError, type ErrorCode } from "#shared/errors";

/** Milliseconds between tries: quick at first, for the core may be just starting. */
const retryDelays = [100, 300, 1000, 3000];

export interface Reader<T> {
  signal: AbortSignal;
  take: (item: T) => void;
  /** Told of each break; what gives false is not opened again. */
  broken?: (error: AppError) => boolean;
  /** Told when it is opened again: what was said meanwhile was missed. */
  again?: () => void;
}

/**
 * Reads a stream, and opens it again whenever it breaks or ends, until the signal is aborted: the core's end of it
 * comes back when the core does. Never rejects.
 */
export async function keepReading<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  reader: Reader<T>,
): Promise<void> {
  const { signal, take, broken, again } = reader;
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      const items = open(signal);
      if (tries > 0) again?.();
      for await (const item of items) {
        if (signal.aborted) return;
        tries = 0;
        take(item);
      }
      throw new AppError("UNAVAILABLE", "The core ended its updates");
    } catch (error) {
      if (signal.aborted || broken?.(AppError.from(error)) === false) return;
    }
    const delay = retryDelays[Math.min(tries, retryDelays.length - 1)];
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

const lasting: readonly ErrorCode[] = [
  ...(["NOT_FOUND", "FAILED_PRECONDITION", "INVALID_ARGUMENT"] as const),
  ...(["PERMISSION_DENIED", "UNIMPLEMENTED"] as const),
];

/** Whether an error is one that another try would find again. */
export function isLasting({ code }: AppError): boolean {
  return lasting.includes(code);
}
