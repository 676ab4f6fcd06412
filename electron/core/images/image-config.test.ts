import { expect, test } from "vitest";
import { RunConfig } from "../content/oci.ts";
import { changedRunConfig, toImageConfig } from "./image-config.ts";

const healthOf = (config: unknown) => toImageConfig(RunConfig.parse(config)).healthCheck;

test("docker's HEALTHCHECK is read in seconds, its zeros as nothing said", () => {
  const Healthcheck = {
    ...{ Test: ["CMD-SHELL", "curl -f http://localhost/"], Interval: 1.5e9, Timeout: 0 },
    ...{ StartPeriod: 6e10, StartInterval: null, Retries: 0 },
  };
  expect(healthOf({ Healthcheck })).toEqual({
    ...{ test: ["CMD-SHELL", "curl -f http://localhost/"] },
    ...{ intervalSeconds: 1.5, startPeriodSeconds: 60 },
  });
  expect(healthOf({ Healthcheck, Shell: ["/bin/bash", "-c"] })).toMatchObject({
    test: ["CMD", "/bin/bash", "-c", "curl -f http://localhost/"],
  });
});

test("what is none, or can't be read, is no check and keeps no image away", () => {
  expect(healthOf({ Healthcheck: { Test: ["NONE"] } })).toEqual({ test: ["NONE"] });
  for (const Healthcheck of [null, {}, { Test: [] }, { Test: ["SHELL"] }, "x", { Test: 7 }]) {
    expect(healthOf({ Healthcheck, User: "me" })).toBeUndefined();
  }
  expect(healthOf({ Healthcheck: { Test: ["CMD", "a"], Interval: -5 } })).toBeUndefined();
});

test("a check is written as docker has it", () => {
  const healthCheck = { test: ["CMD", "a"], intervalSeconds: 0.25, retries: 4 };
  const changed = changedRunConfig({ User: "me" }, { healthCheck });
  expect(changed).toEqual({
    ...{ User: "me", Healthcheck: { Test: ["CMD", "a"], Interval: 250_000_000, Retries: 4 } },
  });
  expect(healthOf(changed)).toEqual(healthCheck);
});
