import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LimitKind } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import type { CgroupHost } from "./cgroup.ts";
import type { Delegation } from "./delegation.ts";

/** What limits are made by, by its name on cgroup v2. */
export type Controller = Exclude<LimitKind, "swap">;
export const controllers = LimitKind.exclude(["swap"]).options;

export type LackingControllers = Partial<Record<Controller, string>>;

/** Why each of the controllers that can't be had here is missing. `delegation`: an ordinary user's. */
export async function lackingControllers(
  { mode, mounts }: CgroupHost,
  delegation?: Delegation | AppError,
): Promise<LackingControllers> {
  const lacking = (has: (name: Controller) => boolean, reason: (name: Controller) => string) =>
    Object.fromEntries(
      controllers.filter((name) => !has(name)).map((name) => [name, reason(name)]),
    );
  if (delegation instanceof AppError)
    return lacking(
      () => false,
      () => delegation.message,
    );
  if (delegation) {
    return lacking(
      (name) => delegation.controllers.includes(name),
      (name) => `The cgroup controller ${name} is not delegated to this user`,
    );
  }
  const absent = (name: Controller): string => `This machine has no cgroup controller ${name}`;
  if (mode !== "v2") return lacking((name) => (name === "io" ? "blkio" : name) in mounts, absent);
  const file = join(mounts.unified ?? "", "cgroup.controllers");
  const there = (await readFile(file, "utf8").catch(() => "")).trim().split(" ");
  return lacking((name) => there.includes(name), absent);
}
