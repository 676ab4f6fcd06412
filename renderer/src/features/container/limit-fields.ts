import type { Limits } from "#shared/contract/containers";

/** The limits as they are typed; empty lifts one. */
export interface LimitFields {
  memory: string;
  cpus: string;
  pids: string;
}

const units: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
/** The contract's least memory, bytes. */
const leastMemory = 6 * 1024 ** 2;
const mostPids = 4_194_304;

export function limitFields({ memory, cpus, pids }: Limits): LimitFields {
  return {
    memory: memory === undefined ? "" : memoryText(memory),
    cpus: cpus === undefined ? "" : String(cpus),
    pids: pids === undefined ? "" : String(pids),
  };
}

/** Exact, in the largest unit that gives a whole number. */
function memoryText(memory: number): string {
  for (const [unit, size] of [
    ["GiB", units["g"]],
    ["MiB", units["m"]],
    ["KiB", units["k"]],
  ] as const) {
    if (size && memory >= size && memory % size === 0) return `${memory / size} ${unit}`;
  }
  return `${memory} B`;
}

/** `512 MiB`, `512m`, `1.5g` as bytes, units binary; a bare number is MiB. Undefined when it is none. */
export function parseMemory(text: string): number | undefined {
  const match = /^([0-9]*\.?[0-9]+)\s*(?:([kmgt])i?b?|(b))?$/iu.exec(text.trim());
  if (!match) return undefined;
  const unit = (match[2] ?? match[3] ?? "m").toLowerCase();
  return Math.round(Number(match[1]) * (units[unit] ?? 1));
}

/** What was typed as limits; undefined when a field is wrong, which `errors` then says. */
export function parseLimits(fields: LimitFields): {
  limits: Limits | undefined;
  errors: Partial<LimitFields>;
} {
  const limits: Limits = {};
  const errors: Partial<LimitFields> = {};
  if (fields.memory.trim() !== "") {
    const memory = parseMemory(fields.memory);
    if (memory === undefined) errors.memory = "Write a size, as 512 MiB or 2 GiB";
    else if (memory < leastMemory) errors.memory = "At least 6 MiB";
    else limits.memory = memory;
  }
  if (fields.cpus.trim() !== "") {
    const cpus = Number(fields.cpus);
    if (!(cpus >= 0.01 && cpus <= 1024)) errors.cpus = "Write a number from 0.01, as 1.5";
    else limits.cpus = cpus;
  }
  if (fields.pids.trim() !== "") {
    const pids = Number(fields.pids);
    if (!(Number.isInteger(pids) && pids >= 1 && pids <= mostPids)) {
      errors.pids = "Write a whole number from 1";
    } else limits.pids = pids;
  }
  return { limits: Object.keys(errors).length === 0 ? limits : undefined, errors };
}
