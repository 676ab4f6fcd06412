import { isAbsolute, join } from "node:path";
import { runCommand } from "#core/host/command";
import type { Paths } from "#core/host/paths";
import { thisHost } from "#core/host/this-host";
import { firstExecutable } from "#core/host/prerequisites-tools";
import type { Privileges } from "#core/host/privileges";
import { ProcessWatch } from "#core/host/proc";
import type { RuntimeInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { HostMemory } from "../host-memory.ts";
import { OciCli } from "../oci/oci-cli.ts";
import { findBinaries, ociNames, versionsOf } from "../oci/plugin.ts";
import { type Candidate, probeRuntimes } from "../oci/probe.ts";
import type { Runtime } from "../runtime.ts";
import { ShimRuntime } from "./runtime.ts";
import type { ShimBinary } from "./shared.ts";

/** containerd's own shim for OCI runtimes. */
const runcShim = "io.containerd.runc.v2";

export interface ShimContext {
  paths: Paths;
  privileges: Privileges;
  signal?: AbortSignal;
  /** Probes also what is remembered. */
  again?: boolean;
  /** The runtime's name or the shim's absolute path; absent: the runc shim on PATH. */
  shim?: string;
}

export interface ShimRuntimes {
  runtimes: Runtime[];
  /** What is remembered of an earlier probe; undefined when `probe` has to find out. */
  infos: RuntimeInfo[] | undefined;
  /** Runs a container or two with each (a second or two); rejects only on abort. */
  probe: () => Promise<RuntimeInfo[]>;
}

/**
 * The runtimes that containerd's runc shim makes of the OCI runtimes here: `shim/io.containerd.runc.v2` with runc, and
 * with crun as `shim/io.containerd.runc.v2+crun`. They are there before they are probed, because they may hold tasks.
 * None without the shim or conmon (which keeps the logs, see stdio.ts), and none for an ordinary user: the shim's
 * sockets lie in /run/containerd, which is root's.
 */
export async function createShimRuntimes(context: ShimContext): Promise<ShimRuntimes> {
  const { paths, privileges, signal } = context;
  const found = await findBinaries();
  const path = await shimPath(context.shim ?? runcShim);
  const { conmon, criu, busybox } = found;
  if (!path || !conmon || privileges.rootless) {
    return { runtimes: [], infos: [], probe: () => Promise.resolve([]) };
  }
  const memory = await HostMemory.open(join(paths.data, "shims.json"), { ...found, shim: path });
  const infos = context.again ? undefined : memory.infos;
  const name = path.split("/").at(-1) ?? path;
  const versions = infos
    ? memory.versions
    : { ...(await versionsOf(found, ["conmon", ...ociNames])), shim: await shimVersion(path) };
  const shim: ShimBinary = { name, path, version: versions.shim ?? "" };
  const processWatch = new ProcessWatch();
  const candidates: Candidate[] = [];
  for (const oci of ociNames) {
    const ociPath = found[oci];
    if (!ociPath) continue;
    const isDefault = oci === "runc";
    const id = `shim/${runcShim}${isDefault ? "" : `+${oci}`}`;
    const binary = {
      // Its state lies apart from that of the OCI runtime under conmon.
      name: `shim-${oci}`,
      path: ociPath,
      version: versions[oci] ?? "",
      hidesUnifiedCgroup: infos?.find((info) => info.id === id)?.hidesUnifiedCgroup ?? false,
      criu,
    };
    const shared = {
      ...{ id, shim, binary, busybox, privileges, processWatch },
      conmon: { path: conmon, version: versions.conmon ?? "" },
    };
    candidates.push({
      ...{ id, binary, privileges },
      shown: { ...shim, name: isDefault ? name : `${name} + ${oci}` },
      shareShim: { ok: true },
      runtime: (own) =>
        new ShimRuntime({ ...shared, paths: own, cli: new OciCli(binary, privileges, own) }),
    });
  }
  return {
    runtimes: candidates.map(({ runtime }) => runtime(paths)),
    infos,
    async probe() {
      const outcome = await probeRuntimes(candidates, paths, busybox, signal);
      await memory.keep(versions, outcome);
      return outcome;
    },
  };
}

/**
 * The binary of a runtime's name, as containerd has it (runtime/v2/shim/util.go): `io.containerd.runc.v2` is
 * `containerd-shim-runc-v2` on PATH. An absolute path is taken as it is. Undefined when it is not installed.
 */
export async function shimPath(runtime: string): Promise<string | undefined> {
  if (isAbsolute(runtime)) return runtime;
  const [version, name, ...rest] = runtime.split(".").reverse();
  if (!name || !version || rest.length === 0) {
    throw new AppError("INVALID_ARGUMENT", `"${runtime}" can't name a runtime`, {
      hint: "Name it as containerd does, io.containerd.runc.v2, or give the absolute path of a shim.",
    });
  }
  return firstExecutable([`containerd-shim-${name}-${version}`], thisHost());
}

/** `1.6.20~ds1` of the `Version:` line that `-v` prints; empty when there is none: the probe says why. */
async function shimVersion(path: string): Promise<string> {
  const { stdout } = await runCommand([path, "-v"]).catch(() => ({ stdout: "" }));
  return /^\s*Version:\s*(\S+)/m.exec(stdout.toString())?.[1] ?? "";
}
