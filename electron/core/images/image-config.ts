import { z } from "zod";
import { HealthCheck } from "#shared/contract/health";
import { type Image, ImageConfig } from "#shared/contract/images";
import type { RunConfig } from "../content/oci.ts";

export const emptyConfig: ImageConfig = {
  ...{ entrypoint: [], cmd: [], env: [], cwd: "/", user: "" },
  ...{ ports: [], volumes: [], labels: {} },
};

/** As records keep it. What was written before images had an entrypoint called the command `args`. */
export const StoredImageConfig = z.preprocess((value) => {
  if (typeof value !== "object" || value === null || !("args" in value)) return value;
  const { args, ...rest } = value;
  return { ...emptyConfig, ...rest, cmd: args };
}, ImageConfig);

/** What an OCI config says of running it, in our words. */
export function toImageConfig(config: RunConfig | null | undefined): ImageConfig {
  return {
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    env: (config?.Env ?? []).filter((entry) => entry.indexOf("=") > 0),
    cwd: config?.WorkingDir || "/",
    user: config?.User ?? "",
    ports: Object.keys(config?.ExposedPorts ?? {}).sort(),
    volumes: Object.keys(config?.Volumes ?? {}).sort(),
    labels: config?.Labels ?? {},
    ...(config?.StopSignal ? { stopSignal: config.StopSignal } : {}),
    ...healthCheckOf(config),
  };
}

/** Of an image's HEALTHCHECK; none for what can't be read as one. */
function healthCheckOf(config: RunConfig | null | undefined): Pick<ImageConfig, "healthCheck"> {
  const { Healthcheck: check, Shell: shell } = config ?? {};
  const [form, text] = check?.Test ?? [];
  if (!check || form === undefined) return {};
  const test =
    form === "CMD-SHELL" && shell?.length && text !== undefined
      ? ["CMD", ...shell, text]
      : check.Test;
  const seconds = (nanoseconds: number | null | undefined): number | undefined =>
    nanoseconds ? nanoseconds / 1e9 : undefined;
  const parsed = HealthCheck.safeParse({
    test,
    intervalSeconds: seconds(check.Interval),
    timeoutSeconds: seconds(check.Timeout),
    startPeriodSeconds: seconds(check.StartPeriod),
    startIntervalSeconds: seconds(check.StartInterval),
    retries: check.Retries || undefined,
  });
  return parsed.success ? { healthCheck: withoutAbsent(parsed.data) } : {};
}

/** An OCI config with these changes; what is not named stays as it is, fields unknown to us too. */
export function changedRunConfig(
  config: RunConfig | null | undefined,
  change: { [K in keyof ImageConfig]?: ImageConfig[K] | undefined },
): RunConfig {
  const result: RunConfig = { ...config };
  if (change.entrypoint) result.Entrypoint = change.entrypoint;
  if (change.cmd) result.Cmd = change.cmd;
  if (change.env) result.Env = change.env;
  if (change.cwd) result.WorkingDir = change.cwd;
  if (change.user !== undefined) result.User = change.user;
  if (change.ports) result.ExposedPorts = keysOf(change.ports);
  if (change.volumes) result.Volumes = keysOf(change.volumes);
  if (change.labels) result.Labels = change.labels;
  if (change.stopSignal) result.StopSignal = change.stopSignal;
  if (change.healthCheck) result.Healthcheck = toHealthcheck(change.healthCheck);
  return result;
}

function toHealthcheck(check: HealthCheck): NonNullable<RunConfig["Healthcheck"]> {
  const nanoseconds = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : Math.round(seconds * 1e9);
  return withoutAbsent({
    Test: check.test,
    Interval: nanoseconds(check.intervalSeconds),
    Timeout: nanoseconds(check.timeoutSeconds),
    StartPeriod: nanoseconds(check.startPeriodSeconds),
    StartInterval: nanoseconds(check.startIntervalSeconds),
    Retries: check.retries,
  });
}

const withoutAbsent = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;

/** What people call an image: its first name, else the beginning of its id. */
export const nameOf = ({ id, names }: Pick<Image, "id" | "names">): string =>
  names[0] ?? id.slice(0, 12);

const keysOf = (names: string[]): Record<string, object> =>
  Object.fromEntries(names.map((name) => [name, {}]));
