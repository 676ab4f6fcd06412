import type { HealthCheck } from "../contract/health.ts";
import { quoteShellWords } from "../base/shell-words.ts";
import { durationText, parseDuration, parseWhole, wrong } from "./values.ts";

/** docker's text is a shell's; podman's may be a JSON list, or none (podman: specgenutil, makeHealthCheckFromCli). */
export function parseHealthTest(text: string, program: "docker" | "podman"): string[] {
  if (program === "podman") {
    if (text.toLowerCase() === "none") return ["NONE"];
    const words = jsonWords(text);
    if (words) return /^(CMD|CMD-SHELL|NONE)$/.test(words[0] ?? "") ? words : ["CMD", ...words];
  }
  return ["CMD-SHELL", text];
}

function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    return (JSON.parse(text) as unknown[]).map(String);
  } catch {
    // A shell's test begins with a bracket, too.
    return undefined;
  }
}

/** A value of 0 is the image's, or docker's default. */
export function healthValue(
  name: keyof Omit<HealthCheck, "test">,
  text: string,
): Partial<HealthCheck> {
  const value = name === "retries" ? parseWhole(text) : parseDuration(text);
  return value === 0 ? {} : { [name]: value };
}

/** A check with one more value; nothing goes with `--no-healthcheck`. */
export function withHealth(
  before: HealthCheck | undefined,
  change: Partial<HealthCheck>,
): { healthCheck: HealthCheck | undefined } {
  if (before?.test?.[0] === "NONE" || (before && change.test?.[0] === "NONE")) {
    return wrong("It can't have both a health check and none");
  }
  const healthCheck = { ...before, ...change };
  return { healthCheck: Object.keys(healthCheck).length > 0 ? healthCheck : undefined };
}

const durations: [flag: string, key: keyof Omit<HealthCheck, "test" | "retries">][] = [
  ["--health-interval", "intervalSeconds"],
  ["--health-timeout", "timeoutSeconds"],
  ["--health-start-period", "startPeriodSeconds"],
  ["--health-start-interval", "startIntervalSeconds"],
];

export function healthWords(check: HealthCheck | undefined): string[][] {
  if (!check) return [];
  if (check.test?.[0] === "NONE") return [["--no-healthcheck"]];
  const { test, retries } = check;
  return [
    ...(test ? [["--health-cmd", testText(test)]] : []),
    ...durations.flatMap(([flag, key]) => {
      const seconds = check[key];
      return seconds ? [[flag, durationText(seconds)]] : [];
    }),
    ...(retries === undefined ? [] : [["--health-retries", String(retries)]]),
  ];
}

/** docker's flag has a text for the image's shell alone. */
function testText([form, ...words]: readonly string[]): string {
  return form === "CMD-SHELL" ? (words[0] ?? "") : quoteShellWords(words);
}
