import type { Privileges } from "#core/host/privileges";
import type { OciProcess, OciSpec, ProcessSpec } from "../runtime.ts";
import { resolveUser } from "./user.ts";

/**
 * The OCI process of an exec: the container's own (capabilities, environment, limits), with what the request
 * names put over it. A user given by name is looked up in `root`, the container's file system.
 */
export async function execProcess(
  spec: OciSpec,
  request: ProcessSpec,
  root: string,
  privileges: Privileges,
): Promise<OciProcess> {
  const { consoleSize: _size, ...base } = spec.process;
  const user =
    request.user === undefined ? base.user : await resolveUser(root, request.user, privileges);
  return {
    ...base,
    user,
    args: request.args,
    cwd: request.cwd ?? base.cwd,
    env: mergeEnv(base.env ?? [], request.env ?? []),
    terminal: false,
  };
}

/** The later of two settings of a variable wins. */
function mergeEnv(base: string[], own: string[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of [...base, ...own]) merged.set(entry.split("=", 1)[0] ?? entry, entry);
  return [...merged.values()];
}
