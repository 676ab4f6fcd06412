import type { ContainerConfig } from "#shared/contract/containers";
import { AppError } from "#shared/errors";
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
