import { HealthCheck } from "../contract/health.ts";
import { wrong } from "../run-line/values.ts";
import { parseDuration } from "./durations.ts";
import { type Field, readKeys } from "./field.ts";

/** How a service's containers are asked whether they work. */
export function readHealthCheck(field: Field): HealthCheck | undefined {
  const check: HealthCheck = {};
  const duration =
    (key: "intervalSeconds" | "timeoutSeconds" | "startPeriodSeconds" | "startIntervalSeconds") =>
    (value: Field): void => {
      const text = value.text();
      const seconds = value.attempt(() => parseDuration(text ?? ""));
      // docker's zero is its default.
      if (seconds) check[key] = seconds;
    };
  readKeys(field, "A health check", {
    test: (value) => {
      const text = value.isList ? undefined : value.text();
      check.test = text === undefined ? value.texts() : ["CMD-SHELL", text];
    },
    disable: (value) => {
      if (value.boolean()) check.test = ["NONE"];
    },
    interval: duration("intervalSeconds"),
    timeout: duration("timeoutSeconds"),
    start_period: duration("startPeriodSeconds"),
    start_interval: duration("startIntervalSeconds"),
    retries: (value) => {
      const retries = value.whole();
      if (retries) check.retries = retries;
    },
  });
  if (check.test?.[0] === "NONE") return { test: ["NONE"] };
  return field.attempt(() => {
    const checked = HealthCheck.safeParse(check);
    return checked.success ? checked.data : wrong(checked.error.issues[0]?.message ?? "");
  });
}
