import { BadHeader } from "./tar-header.ts";
import type { TarTime } from "./tar-entry.ts";

/** The records of an extended header, in their order: POSIX.1-2001, "pax Extended Header". */
export function parseRecords(data: Buffer): [key: string, value: Buffer][] {
  const records: [string, Buffer][] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    // A length of more than ten digits is none that fits.
    const digits = space < 0 || space - at > 10 ? "" : data.toString("latin1", at, space);
    if (!/^[1-9]\d*$/.test(digits)) throw new BadHeader("an extended header has no length");
    const end = at + Number(digits);
    const equals = data.indexOf(0x3d, space);
    if (end > data.length || data[end - 1] !== 0x0a || equals <= space || equals >= end) {
      throw new BadHeader("an extended header has a record that is none");
    }
    records.push([data.toString("latin1", space + 1, equals), data.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** One record: its length counts itself. */
export function encodeRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A decimal number without sign. */
export function parseCount(value: Buffer): number {
  const text = value.toString("latin1");
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count)) throw new BadHeader("an extended header has a bad number");
  return count;
}

/** Seconds with a fraction of any number of digits; before the epoch the fraction too counts backwards. */
export function parseTime(value: Buffer): TarTime {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(value.toString("latin1"));
  if (!match) throw new BadHeader("an extended header has a bad time");
  const [, sign, whole, fraction = ""] = match;
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  const seconds = Number(whole);
  if (sign !== "-") return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds };
  return { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}

/**
 * With nine digits: mkfs.erofs takes those after the point for a count of nanoseconds. It counts them the wrong way
 * before the epoch, where whole seconds have to do.
 */
export function formatTime({ seconds, nanoseconds }: TarTime): string {
  if (nanoseconds === 0 || seconds < 0) return String(seconds);
  return `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
}

/** `%XX` to bytes, as libarchive writes names of attributes. */
export function decodePercent(name: string): string {
  return name.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
