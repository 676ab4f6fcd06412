/** Numbers as the look writes them: a rounded value and its unit apart, so that the unit can be small. */
export interface Formatted {
  value: string;
  unit: string;
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in binary units: three figures at most (`1.3 GiB`, `506 MiB`). */
export function bytes(count: number): Formatted {
  let value = count;
  let unit = 0;
  // 999.5 rather than 1024: never four figures before the unit.
  while (Math.abs(value) >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return {
    value: unit > 0 && Math.abs(value) < 9.95 ? value.toFixed(1) : value.toFixed(0),
    unit: byteUnits[unit] as string,
  };
}

/** CPUs in use (1.0 is one whole CPU) as a percentage of one: `2.1 %`, `140 %`. */
export function cpu(cpus: number): Formatted {
  const percent = Math.max(0, cpus * 100);
  return { value: percent < 99.95 ? percent.toFixed(1) : percent.toFixed(0), unit: "%" };
}

/** A part of a whole, 0..1, as a percentage without decimals. */
export function percent(part: number): Formatted {
  return { value: (Math.max(0, part) * 100).toFixed(0), unit: "%" };
}

/** Bytes per second. */
export function rate(perSecond: number): Formatted {
  const { value, unit } = bytes(perSecond);
  return { value, unit: `${unit}/s` };
}

export function joined(formatted: Formatted): string {
  return `${formatted.value} ${formatted.unit}`;
}

/** A count with thin groups: `1,204`. */
export function count(n: number): string {
  return n.toLocaleString("en-US");
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** How long, in its largest unit, rounded down: `41 s`, `5 min`, `3 h`, `19 d`. Milliseconds in. */
export function duration(ms: number): string {
  if (ms < second) return "0 s";
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) return `${Math.floor(ms / hour)} h`;
  if (ms < 730 * day) return `${Math.floor(ms / day)} d`;
  return `${Math.floor(ms / (365 * day))} y`;
}

/** How long, in its two largest units: `3 d 4 h`; below a second in milliseconds, a clock set back counting as none. */
export function exactDuration(ms: number): string {
  if (ms < second) return `${Math.max(0, Math.floor(ms))} ms`;
  const parts: [number, string][] = [
    [Math.floor(ms / day), "d"],
    [Math.floor((ms % day) / hour), "h"],
    [Math.floor((ms % hour) / minute), "min"],
    [Math.floor((ms % minute) / second), "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

function two(n: number): string {
  return String(n).padStart(2, "0");
}

/** Local wall time: `14:02:11`. */
export function clock(time: number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local date: `2026-11-22`. */
export function isoDate(time: number): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Local date and time: `2026-11-22 14:02:11`. */
export function dateTime(time: number): string {
  return `${isoDate(time)} ${clock(time)}`;
}

/** `14:02` today, `yesterday 14:02`, else `21 Nov 14:02`; with `seconds` to the second. */
export function moment(time: number, now: number = Date.now(), seconds = false): string {
  const short = seconds ? clock(time) : clock(time).slice(0, 5);
  if (isoDate(time) === isoDate(now)) return short;
  const before = new Date(now);
  before.setDate(before.getDate() - 1);
  if (isoDate(time) === isoDate(before.getTime())) return `yesterday ${short}`;
  const date = new Date(time);
  const month = date.toLocaleString("en-GB", { month: "short" });
  const year = date.getFullYear() === new Date(now).getFullYear() ? "" : ` ${date.getFullYear()}`;
  return `${date.getDate()} ${month}${year} ${short}`;
}

/** The first 12 digits of an id, as everyone writes them. */
export function shortId(id: string): string {
  return id.length > 12 && /^[0-9a-f]+$/.test(id) ? id.slice(0, 12) : id;
}

/** `sha256:9f86d081884c7d65...` as its first 12 digits. */
export function shortDigest(digest: string): string {
  return shortId(digest.slice(digest.indexOf(":") + 1));
}

/** `oci/crun` as `crun`. */
export function runtimeName(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1);
}
