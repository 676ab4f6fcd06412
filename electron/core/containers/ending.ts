import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
import type { ContainerService } from "./container-service.ts";
import { parseSignal } from "./signals.ts";

/**
 * INVALID_ARGUMENT for a stop signal that is none, and, as docker has it, for a container that is to be both started
 * again and removed when it ends.
 */
export function requireEnding({ stopSignal, autoRemove, restart }: ContainerConfig): void {
  try {
    if (stopSignal !== undefined) parseSignal(stopSignal);
  } catch (error) {
    const { code, message, details } = AppError.from(error);
    throw new AppError(code, message, { ...details, field: "stopSignal" }, error);
  }
  if (!autoRemove || restart.name === "no") return;
  throw new AppError(
    "INVALID_ARGUMENT",
    "A container can't be both started again and removed when it ends",
    { field: "restart", hint: "Leave out one of them." },
  );
}

/** Removes a container that has ended where it is to be removed then, once nobody does anything to it any more. */
export async function removeEnded(containers: ContainerService, id: string): Promise<void> {
  const { activities, records, lifecycle } = containers;
  await activities.get(id)?.ended;
  const record = records.find(id);
  if (!record?.config.autoRemove || lifecycle.isLive(id)) return;
  // One that never ran, or could not, has something to tell.
  if (record.startedAt === undefined || record.startError) return;
  await containers.delete(id, false);
}

/** The same for what ended while no manager ran. What can't be removed stays, and is listed. */
export async function removeAllEnded(containers: ContainerService): Promise<void> {
  const ids = containers.records.list().map(({ id }) => id);
  await Promise.all(ids.map((id) => removeEnded(containers, id).catch(() => undefined)));
}
