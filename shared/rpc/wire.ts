import { AppError, errorCodes } from "../errors.ts";
import type { Frame } from "./define.ts";

/**
 * Items that a receiver lets the sender have on the way. 32 of the largest usual items (64 KiB of
 * terminal or download) are 2 MiB; enough to keep a MessagePort busy over a round trip of 21 us.
 */
export const WINDOW = 32;

/** Calls that one channel may have open, those still cleaning up included. A window needs some 20. */
export const MAX_OPEN_CALLS = 256;

/** The largest frame of a byte transport, in bytes. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;

const MAX_CREDIT = 65_536;
const MAX_METHOD_LENGTH = 128;

/**
 * What arrived on a channel, as a frame: its envelope is checked, the values in it are not. Throws
 * INVALID_ARGUMENT, which is the reason to close the channel with.
 */
export function checkFrame(value: unknown): Frame {
  if (!isRecord(value)) throw malformed("it is not an object");
  const { id } = value;
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1) throw malformed("its id");
  switch (value.t) {
    case "open": {
      const { method, input, credits } = value;
      if (typeof method !== "string" || method.length > MAX_METHOD_LENGTH)
        throw malformed("its method");
      if (!isCount(credits, 0)) throw malformed("its credits");
      return { t: "open", id, method, input, credits };
    }
    case "cancel":
      return { t: "cancel", id };
    case "credit":
      if (!isCount(value.n, 1)) throw malformed("its credits");
      return { t: "credit", id, n: value.n };
    case "item":
      return value.wanting === true
        ? { t: "item", id, value: value.value, wanting: true }
        : { t: "item", id, value: value.value };
    case "end":
      return { t: "end", id, value: value.value };
    case "error": {
      const { error } = value;
      if (!isRecord(error) || typeof error.message !== "string" || !isRecord(error.details))
        throw malformed("its error");
      const code = errorCodes.find((known) => known === error.code);
      if (!code) throw malformed("its error code");
      return { t: "error", id, error: { code, message: error.message, details: error.details } };
    }
    default:
      throw malformed("its kind");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_CREDIT;
}

function malformed(what: string): AppError {
  return new AppError("INVALID_ARGUMENT", `A malformed message arrived: ${what}`);
}
