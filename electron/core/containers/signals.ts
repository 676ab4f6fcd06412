import { constants } from "node:os";
import type { ContainerConfig } from "#shared/contract/containers";
import type { ImageConfig } from "#shared/contract/images";
import { AppError } from "#shared/errors";

const sigterm = 15;
const numbers = new Map<string, number>(Object.entries(constants.signals));

/** `SIGUSR1`, `usr1`, `10`, `SIGRTMIN+3` or a number, as the kernel's number. INVALID_ARGUMENT when it is none. */
export function parseSignal(signal: string | number): number {
  if (typeof signal === "number") return signal;
  const text = signal.trim().toUpperCase();
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 64) return Number(text);
  const name = text.startsWith("SIG") ? text : `SIG${text}`;
  // glibc: SIGRTMIN is 34, SIGRTMAX 64.
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime) {
    const offset = Number(`${realTime[2] ?? "+"}${realTime[3] ?? 0}`);
    const number = (realTime[1] === "MIN" ? 34 : 64) + offset;
    if (number >= 34 && number <= 64) return number;
  }
  const number = numbers.get(name);
  if (number !== undefined) return number;
  throw new AppError("INVALID_ARGUMENT", `"${signal}" is not a signal`, {
    field: "signal",
    hint: "Use a name as SIGTERM or a number from 1 to 64.",
  });
}

/** The signal that stops a container: its own, else its image's; SIGTERM where neither names one, or what is none. */
export function stopSignalOf(
  { stopSignal: own }: Pick<ContainerConfig, "stopSignal">,
  { stopSignal: images }: Pick<ImageConfig, "stopSignal">,
): number {
  const stopSignal = own ?? images;
  try {
    return stopSignal === undefined ? sigterm : parseSignal(stopSignal);
  } catch {
    return sigterm;
  }
}
