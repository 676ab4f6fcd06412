import { AppError } from "../errors.ts";

/** Refuses a flag's value; the flag is then said not to be carried over, with these words. */
export function wrong(message: string): never {
  throw new AppError("INVALID_ARGUMENT", message);
}

const units = ["b", "k", "m", "g", "t"];

/** docker's sizes, binary: `512m`, `1.5g`, `64kb`; a bare number is bytes (moby: go-units, RAMInBytes). */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?(?:([bkmgt])i?b?)?$/i.exec(text.trim());
  if (!match) return wrong(`“${text}” is no size: write 512m or 2g`);
  return Math.round(Number(match[1]) * 1024 ** units.indexOf((match[2] ?? "b").toLowerCase()));
}

/** In the largest unit that says it exactly. */
export function sizeText(bytes: number): string {
  for (let power = units.length - 1; power > 0; power -= 1) {
    if (bytes > 0 && bytes % 1024 ** power === 0) return `${bytes / 1024 ** power}${units[power]}`;
  }
  return String(bytes);
}

const secondsIn: Record<string, number> = {
  ...{ h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 },
};

/** Go's durations (time.ParseDuration), none below zero, in seconds: `1m30s`, `1.5h`, `500ms`, `0`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)/gy)];
  const whole = parts.map(([part]) => part).join("") === text && text !== "";
  if (!whole && !/^0+$/.test(text)) return wrong(`“${text}” is no duration: write 30s or 1m30s`);
  return parts.reduce((sum, [, n, unit = ""]) => sum + Number(n) * (secondsIn[unit] ?? 0), 0);
}

export const durationText = (seconds: number): string => `${seconds}s`;

export function parseWhole(text: string): number {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : wrong(`“${text}” is no whole number`);
}

/** What Go's strconv.ParseBool takes. */
export function parseBoolean(text: string): boolean {
  if (["1", "t", "true"].includes(text.toLowerCase())) return true;
  if (["0", "f", "false"].includes(text.toLowerCase())) return false;
  return wrong(`“${text}” is neither true nor false`);
}

/** `KEY=VALUE`, where the value may be missing. */
export function splitPair(text: string, mark = "="): [key: string, value: string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A line of CSV (RFC 4180), as --mount and --network have their fields. */
export function parseFields(text: string): string[] {
  const fields: string[] = [];
  let at = 0;
  while (at <= text.length) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(text.slice(at));
    const end = quoted ? at + quoted[0].length : text.indexOf(",", at);
    const stop = end < 0 ? text.length : end;
    fields.push(quoted ? (quoted[1] as string).replaceAll('""', '"') : text.slice(at, stop));
    at = stop + 1;
  }
  return fields;
}

export function writeFields(fields: readonly string[]): string {
  return fields
    .map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

export function parseUlimit(text: string): { name: string; soft: number; hard: number } {
  const [name, values] = splitPair(text);
  if (values === undefined) return wrong("Write a limit as nofile=1024:2048");
  const [soft, hard = soft] = values
    .split(":")
    .map((value) => (value === "unlimited" ? -1 : parseWhole(value))) as [number, number?];
  return { name, soft, hard };
}

/** `net_admin` and `CAP_NET_ADMIN` as the latter. */
export function capabilityNames(text: string): string[] {
  return text.split(",").map((one) => {
    const name = one.trim().toUpperCase();
    return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
  });
}
