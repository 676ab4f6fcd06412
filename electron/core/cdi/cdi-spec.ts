import { parse } from "yaml";
import { z } from "zod";
import { AppError } from "#shared/errors";

/**
 * What a device's maker says a container needs for it: a file of the Container Device Interface, as JSON or YAML
 * (cncf-tags/container-device-interface: SPEC.md). Fields that later versions add are not known here and left out.
 */

const Hook = z.object({
  hookName: z.enum([
    ...(["prestart", "createRuntime", "createContainer"] as const),
    ...(["startContainer", "poststart", "poststop"] as const),
  ]),
  path: z.string().startsWith("/"),
  args: z.array(z.string()).nullish(),
  env: z.array(z.string()).nullish(),
  /** Seconds. */
  timeout: z.number().int().nullish(),
});
export type CdiHook = z.infer<typeof Hook>;

const DeviceNode = z.object({
  path: z.string().startsWith("/"),
  /** Since 0.5; absent: the same. */
  hostPath: z.string().startsWith("/").nullish(),
  type: z.enum(["b", "c", "u", "p"]).nullish(),
  major: z.number().int().nullish(),
  minor: z.number().int().nullish(),
  fileMode: z.number().int().nullish(),
  permissions: z
    .string()
    .regex(/^r?w?m?$/)
    .nullish(),
  uid: z.number().int().min(0).nullish(),
  gid: z.number().int().min(0).nullish(),
});
export type CdiDeviceNode = z.infer<typeof DeviceNode>;

const Mount = z.object({
  hostPath: z.string(),
  containerPath: z.string().startsWith("/"),
  options: z.array(z.string()).nullish(),
  /** Since 0.4. */
  type: z.string().nullish(),
});

const ContainerEdits = z.object({
  env: z.array(z.string().regex(/^[^=\0]+=[^\0]*$/)).nullish(),
  deviceNodes: z.array(DeviceNode).nullish(),
  mounts: z.array(Mount).nullish(),
  hooks: z.array(Hook).nullish(),
  /** Since 0.7. */
  additionalGids: z.array(z.number().int().min(0)).nullish(),
  /** Since 0.7; not applied. */
  intelRdt: z.unknown().optional(),
});
export type CdiEdits = z.infer<typeof ContainerEdits>;

const Spec = z.object({
  cdiVersion: z.string().regex(/^\d+\.\d+\.\d+$/),
  /** `vendor.com/class` */
  kind: z.string().regex(/^[A-Za-z][\w.-]*[A-Za-z0-9]\/[A-Za-z][\w-]*$/),
  devices: z
    .array(
      z.object({
        name: z.string().regex(/^[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/),
        containerEdits: ContainerEdits,
      }),
    )
    .min(1),
  /** For every one of them. */
  containerEdits: ContainerEdits.nullish(),
});
export type CdiSpec = z.infer<typeof Spec>;

/** The first that had these fields, and the last whose fields are known. */
const oldest = "0.3.0";
const newest = "1.0.0";

/** INVALID_ARGUMENT for what is no spec, or one of a version that is not known. */
export function parseCdiSpec(text: string): CdiSpec {
  let value: unknown;
  try {
    // YAML has JSON in it.
    value = parse(text);
  } catch (error) {
    const [first = ""] = (error as Error).message.split("\n");
    throw new AppError("INVALID_ARGUMENT", `It can't be read: ${first}`);
  }
  const { cdiVersion } = (value ?? {}) as { cdiVersion?: unknown };
  if (typeof cdiVersion === "string" && !isBetween(cdiVersion)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `It is of version ${cdiVersion} of the interface; known are ${oldest} to ${newest}`,
    );
  }
  const parsed = Spec.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    "INVALID_ARGUMENT",
    `It is no spec of devices: ${issue?.path.join(".") || "all of it"}: ${issue?.message ?? ""}`,
  );
}

const isBetween = (version: string): boolean =>
  compare(version, oldest) >= 0 && compare(version, newest) <= 0;

function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(".").map(Number)) as [
    number[],
    number[],
  ];
  return a.map((part, at) => part - (b[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
