import { wrong } from "../run-line/values.ts";

const units: Record<string, number> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 };

/** `1m30s`, `500ms` (compose-spec, 11-extension.md) as seconds. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  if (!/^(\d+(\.\d+)?(us|ms|s|m|h|d))+$/.test(trimmed)) {
    return wrong(`“${text}” is no duration: write 30s or 1m30s`);
  }
  const pieces = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)];
  const seconds = pieces.map(([, number, unit]) => Number(number) * (units[unit as string] ?? 1));
  // Not more digits than were written.
  return Number(seconds.reduce((sum, one) => sum + one, 0).toFixed(6));
}
