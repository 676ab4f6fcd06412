import { join } from "node:path";
import { mustRun } from "#core/host/command";
import { cgroupHost } from "#core/host/cgroup";
import { controllers, lackingControllers, type LackingControllers } from "#core/host/controllers";
import { ownDelegation } from "#core/host/delegation";
import type { OwnNamespaces } from "#core/host/own-namespaces";
import type { Paths } from "#core/host/paths";
import { thisHost } from "#core/host/this-host";
import { firstExecutable, parseVersion } from "#core/host/prerequisites-tools";
import type { Privileges } from "#core/host/privileges";
import { ProcessWatch } from "#core/host/proc";
import type { RuntimeInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { type Binaries, HostMemory } from "../host-memory.ts";
import type { Runtime } from "../runtime.ts";
import { OciCli } from "./oci-cli.ts";
import { type Candidate, probeRuntimes } from "./probe.ts";
import { sandboxLacks, sandboxName } from "./runsc.ts";
import { OciRuntime } from "./runtime.ts";

/** The OCI runtimes that are looked for, for containerd's shim too. */
export const ociNames = ["runc", "crun"];

/** Those that conmon runs. */
const conmonNames = [...ociNames, sandboxName];

export interface OciContext {
  paths: Paths;
  privileges: Privileges;
  namespaces?: OwnNamespaces | undefined;
  signal?: AbortSignal;
  /** Probes also what is remembered. */
  again?: boolean;
}

/**
 * The OCI runtimes of this host, and what each can do here. The first time each runs a container or two
 * (about a second in all); the outcome is remembered in `data/host.json` for as long as this boot, kernel and
 * binaries last, and a start then costs a few stat calls. An unusable runtime is answered too: it may hold
 * tasks. None without conmon.
 */
export async function createOciRuntimes(
  context: OciContext,
): Promise<{ runtimes: Runtime[]; infos: RuntimeInfo[] }> {
  const { paths, privileges } = context;
  const found = await findBinaries();
  const { conmon, criu, busybox } = found;
  const delegated = privileges.rootless ? await ownDelegation() : undefined;
  const delegation = delegated instanceof AppError ? undefined : delegated;
  const memory = await HostMemory.open(join(paths.data, "host.json"), found, delegation);
  const infos = context.again ? undefined : memory.infos;
  if (!conmon) return { runtimes: [], infos: [] };
  const processWatch = new ProcessWatch();
  const lacking = await lackingControllers(await cgroupHost(), delegated);
  const versions = infos ? memory.versions : await versionsOf(found, ["conmon", ...conmonNames]);
  const candidates: Candidate[] = [];
  for (const name of conmonNames) {
    const path = found[name];
    if (!path) continue;
    const id = `oci/${name}`;
    const version = versions[name] ?? "";
    const known = infos?.find((info) => info.id === id);
    const hidesUnifiedCgroup = known?.hidesUnifiedCgroup ?? false;
    const sandbox = name === sandboxName;
    const systemdCgroup = delegation?.systemd ?? false;
    const binary = { name, path, version, hidesUnifiedCgroup, systemdCgroup, sandbox, criu };
    const shared = {
      delegation,
      ...{ id, binary, busybox, privileges, processWatch },
      conmon: { path: conmon, version: versions.conmon ?? "" },
    };
    candidates.push({
      ...{ id, binary, privileges, shown: { name, path, version } },
      lacks: sandbox ? sandboxLacks : delegated && lackingLimits(delegated, lacking),
      lacking,
      shareShim: { ok: false, reason: "conmon holds one container each" },
      runtime: (own) => {
        // What is tried out is on its own.
        const namespaces = own === paths ? context.namespaces : undefined;
        const cli = new OciCli(binary, privileges, own);
        return new OciRuntime({ ...shared, namespaces, paths: own, cli });
      },
    });
  }
  const outcome = infos ?? (await probeAll(candidates, context, busybox));
  if (!infos) await memory.keep(versions, outcome);
  return { runtimes: candidates.map(({ runtime }) => runtime(paths)), infos: outcome };
}

/** What an ordinary user's containers can't be limited by, where that is everything. */
function lackingLimits(delegated: object, lacking: LackingControllers): Candidate["lacks"] {
  if (delegated instanceof AppError) return { limits: { ok: false, reason: delegated.message } };
  if (controllers.some((name) => !lacking[name])) return undefined;
  const reason = "This user may make cgroups, but none that limit anything";
  return { limits: { ok: false, reason } };
}

async function probeAll(
  candidates: Candidate[],
  context: OciContext,
  busybox: string | undefined,
): Promise<RuntimeInfo[]> {
  const infos = await probeRuntimes(candidates, context.paths, busybox, context.signal);
  const best = choosePreferred(infos);
  return infos.map((info) => ({ ...info, preferred: info.id === best?.id }));
}

/** A runtime whose start takes up to so many times the fastest one's is as good: less is the moment's load. */
const asFast = 1.25;

/** Of those that can do most, the first that is as fast as any: the same one at each probe of a host. */
export function choosePreferred(
  infos: Pick<RuntimeInfo, "id" | "usable" | "abilities" | "startMs">[],
): { id: string } | undefined {
  const usable = infos.filter((info) => info.usable.ok);
  const most = Math.max(...usable.map(countAbilities));
  const able = usable.filter((info) => countAbilities(info) === most);
  const fastest = Math.min(...able.map(({ startMs = Infinity }) => startMs));
  return able.find(({ startMs = Infinity }) => startMs <= fastest * asFast);
}

function countAbilities({ abilities }: Pick<RuntimeInfo, "abilities">): number {
  return Object.values(abilities).filter(({ ok }) => ok).length;
}

/** conmon, runc, crun, runsc, criu with the iptables that it runs, and busybox. */
export async function findBinaries(): Promise<Binaries> {
  const wanted = ["conmon", ...conmonNames, "iptables-restore", "busybox"];
  const host = thisHost();
  const paths = await Promise.all(wanted.map((name) => firstExecutable([name], host)));
  const found: Binaries = Object.fromEntries(wanted.map((name, index) => [name, paths[index]]));
  // The distribution's criu may be too old for the kernel: set-up names one that is known to work.
  found.criu = process.env.SHIMYARD_CRIU || (await firstExecutable(["criu"], host));
  return found;
}

/** `1.1.5+ds1` of "runc version 1.1.5+ds1", by name, of those that are there. */
export async function versionsOf(
  found: Binaries,
  names: string[],
): Promise<Record<string, string>> {
  const versions = await Promise.all(
    names.map(async (name) => {
      const path = found[name];
      return [name, path ? (parseVersion(await mustRun([path, "--version"])) ?? "") : ""] as const;
    }),
  );
  return Object.fromEntries(versions);
}
