import { AppError } from "../errors.ts";
import { replaceBytes } from "./bytes.ts";
import type { Frame } from "./define.ts";
import { MAX_FRAME_BYTES } from "./wire.ts";

/**
 * A frame for transports that carry bytes:
 *
 *     u32, big endian   length of the header
 *     header            JSON, UTF-8: { f: frame, b?: [[path, length], ...] }
 *     the rest          the frame's Uint8Arrays, one after the other, in the order of b
 *
 * Where bytes were, the frame has null, and b says where they belong: so no value of a user's can be
 * mistaken for a mark of ours. What JSON does not know becomes what JSON makes of it (an undefined
 * property is left out); the contract has no such values.
 */

interface Header {
  f: unknown;
  b?: [path: (string | number)[], length: number][];
}

/** Throws RESOURCE_EXHAUSTED when the frame is larger than MAX_FRAME_BYTES. */
export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const attachments: Uint8Array[] = [];
  const marks: NonNullable<Header["b"]> = [];
  const header: Header = {
    f: replaceBytes(frame, (bytes, path) => {
      attachments.push(bytes);
      marks.push([[...path], bytes.length]);
      return null;
    }),
  };
  if (marks.length > 0) header.b = marks;
  const json = new TextEncoder().encode(JSON.stringify(header));
  const size = attachments.reduce((sum, bytes) => sum + bytes.length, 4 + json.length);
  if (size > MAX_FRAME_BYTES) {
    throw new AppError(
      "RESOURCE_EXHAUSTED",
      `A message of ${size} bytes is more than the ${MAX_FRAME_BYTES} that can be sent at once`,
    );
  }
  const encoded = new Uint8Array(size);
  new DataView(encoded.buffer).setUint32(0, json.length);
  encoded.set(json, 4);
  let offset = 4 + json.length;
  for (const bytes of attachments) {
    encoded.set(bytes, offset);
    offset += bytes.length;
  }
  return encoded;
}

/**
 * The frame in `encoded`, still to be checked by `checkFrame`. Its bytes are views of `encoded`. Throws
 * INVALID_ARGUMENT for anything that `encodeFrame` can't have made.
 */
export function decodeFrame(encoded: Uint8Array): unknown {
  if (encoded.length < 4 || encoded.length > MAX_FRAME_BYTES) throw malformed("its size");
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const end = 4 + view.getUint32(0);
  if (end > encoded.length) throw malformed("its header is cut");
  let header: unknown;
  try {
    const json = new TextDecoder("utf-8", { fatal: true }).decode(encoded.subarray(4, end));
    header = JSON.parse(json);
  } catch (error) {
    throw malformed("its header is not JSON", error);
  }
  if (!isObject(header)) throw malformed("its header");
  const { b: marks = [] } = header;
  if (!Array.isArray(marks)) throw malformed("its attachments");
  let offset = end;
  for (const mark of marks) {
    if (!Array.isArray(mark)) throw malformed("its attachments");
    const [path, length] = mark as unknown[];
    if (!Number.isInteger(length) || (length as number) < 0 || !Array.isArray(path))
      throw malformed("its attachments");
    const next = offset + (length as number);
    if (next > encoded.length) throw malformed("its attachments are cut");
    put(header.f, path, encoded.subarray(offset, next));
    offset = next;
  }
  if (offset !== encoded.length) throw malformed("its length");
  return header.f;
}

/** Sets the null at `path`, which must be there: own properties only, nothing is created. */
function put(root: unknown, path: unknown[], bytes: Uint8Array): void {
  const last = path.at(-1);
  let target = root;
  for (const key of path.slice(0, -1)) target = member(target, key);
  if (member(target, last) !== null) throw malformed("its attachments");
  (target as Record<string, unknown>)[last as string] = bytes;
}

function member(target: unknown, key: unknown): unknown {
  if (!isObject(target) || (typeof key !== "string" && typeof key !== "number"))
    throw malformed("its attachments");
  if (!Object.hasOwn(target, key)) throw malformed("its attachments");
  return target[key];
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

function malformed(what: string, cause?: unknown): AppError {
  return new AppError("INVALID_ARGUMENT", `A malformed message arrived: ${what}`, {}, cause);
}
