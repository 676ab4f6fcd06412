import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CdiDevices } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { type CdiEdits, type CdiSpec, parseCdiSpec } from "./cdi-spec.ts";

/** What is found in the later ones goes before what the earlier ones have: what was made since this boot. */
const cdiDirectories = ["/etc/cdi", "/var/run/cdi"];

interface Found {
  path: string;
  /** Which directory it lies in. */
  rank: number;
  spec: CdiSpec;
}

/** What devices there are by name. A file that can't be used is told of, and hides no other. */
export async function listCdiDevices(directories = cdiDirectories): Promise<CdiDevices> {
  const { found, faults } = await readSpecs(directories);
  const devices = new Map<string, { name: string; spec: string }>();
  for (const { path, spec } of found) {
    for (const { name } of spec.devices) {
      const full = `${spec.kind}=${name}`;
      devices.set(full, { name: full, spec: path });
    }
  }
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  return { directories, devices: [...devices.values()].sort(byName), faults };
}

/**
 * What a container needs for these devices: per spec what it says of all of its devices, then what it says of each one.
 * NOT_FOUND (field `cdiDevices`) for one that is not there, FAILED_PRECONDITION for one that two files of one directory
 * have.
 */
export async function findCdiEdits(
  names: readonly string[],
  directories = cdiDirectories,
): Promise<CdiEdits[]> {
  if (names.length === 0) return [];
  const { found, faults } = await readSpecs(directories);
  const edits: CdiEdits[] = [];
  const begun = new Set<CdiSpec>();
  for (const name of names) {
    const having = found.flatMap(({ path, rank, spec }) => {
      const device = spec.devices.find((one) => `${spec.kind}=${one.name}` === name);
      return device ? [{ path, rank, spec, device }] : [];
    });
    const best = having.filter(({ rank }) => rank === Math.max(...having.map((one) => one.rank)));
    const [only, another] = best;
    if (!only) throw missing(name, directories, faults);
    if (another) {
      throw new AppError("FAILED_PRECONDITION", `The device ${name} is there twice`, {
        ...{ field: "cdiDevices", hint: `Remove it from ${only.path} or from ${another.path}.` },
      });
    }
    if (!begun.has(only.spec) && only.spec.containerEdits) edits.push(only.spec.containerEdits);
    begun.add(only.spec);
    edits.push(only.device.containerEdits);
  }
  return edits;
}

function missing(
  name: string,
  directories: readonly string[],
  faults: CdiDevices["faults"],
): AppError {
  const makeIt = name.startsWith("nvidia.com/")
    ? "Have it written by: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
    : `Specs of devices are looked for in ${directories.join(" and ")}: its maker's tools write them.`;
  return new AppError("NOT_FOUND", `There is no device ${name} on this machine`, {
    ...{ field: "cdiDevices", hint: makeIt },
    ...(faults.length > 0
      ? { output: faults.map(({ spec, message }) => `${spec}: ${message}`).join("\n") }
      : {}),
  });
}

/** In the order of the directories, and of names. */
async function readSpecs(
  directories: readonly string[],
): Promise<{ found: Found[]; faults: CdiDevices["faults"] }> {
  const found: Found[] = [];
  const faults: CdiDevices["faults"] = [];
  for (const [rank, directory] of directories.entries()) {
    const names = await readdir(directory).catch(() => [] as string[]);
    for (const name of names.filter((one) => /\.(json|yaml)$/.test(one)).sort()) {
      const path = join(directory, name);
      try {
        found.push({ path, rank, spec: parseCdiSpec(await readFile(path, "utf8")) });
      } catch (error) {
        faults.push({ spec: path, message: AppError.from(error).message });
      }
    }
  }
  return { found, faults };
}
