import type { Paths } from "#core/host/paths";
import { criuRefuses } from "#core/host/prerequisites-tools";
import type { Privileges } from "#core/host/privileges";
import { ProcessWatch } from "#core/host/proc";
import type { Ability, RuntimeInfo } from "#shared/contract/system";
import { AppError } from "#shared/errors";
import { findBinaries } from "../oci/plugin.ts";
import type { RuntimePlugin } from "../plugin.ts";
import { ContainerdClient } from "./client.ts";
import { ContainerdRuntime } from "./runtime.ts";

const type = "containerd";

/** Milliseconds for a containerd to say its version. */
const answerTime = 2000;

/** The id of the runtime that a containerd is, by the path of its socket: `containerd/run/containerd/containerd.sock`. */
export function containerdRuntimeId(address: string): string {
  return `${type}${address}`;
}

export function isContainerdRuntime(id: string): boolean {
  return id.startsWith(`${type}/`);
}

export interface Containerds {
  plugin: RuntimePlugin;
  /** What can be done in one, from its version alone: nothing is started in a containerd that nobody chose. */
  describe(address: string, signal?: AbortSignal): Promise<RuntimeInfo>;
}

/**
 * Every containerd of this machine as a runtime. None without conmon, which keeps the logs (shim/stdio.ts), and none for
 * an ordinary user: containerd's socket is root's.
 */
export async function createContainerdRuntimes(context: {
  paths: Paths;
  privileges: Privileges;
}): Promise<Containerds | undefined> {
  const { paths, privileges } = context;
  const { conmon, busybox, criu } = await findBinaries();
  if (!conmon || privileges.rootless) return undefined;
  const shared = {
    ...{ paths, busybox, privileges, processWatch: new ProcessWatch() },
    conmon: { path: conmon, version: "" },
  };
  return {
    plugin: {
      type,
      make: (id) => new ContainerdRuntime({ ...shared, id, address: id.slice(type.length) }),
    },
    async describe(address, signal) {
      const ok: Ability = { ok: true };
      const checkpoint = await checkpoints(criu, signal);
      const info: RuntimeInfo = {
        id: containerdRuntimeId(address),
        ...{ name: "containerd", path: address, version: "", usable: ok },
        ...{ preferred: false, hidesUnifiedCgroup: false },
        abilities: {
          ...{ pause: ok, checkpoint, limits: ok, exec: ok },
          shareShim: { ok: false, reason: "In containerd each container gets a shim of its own" },
        },
        ...{ note: noteOf(address), plainLayers: true },
        probedAt: Date.now(),
      };
      const client = await ContainerdClient.open(address);
      try {
        const version = await client.version({ signal, timeout: answerTime });
        return { ...info, version: version.replace(/^v/, "") };
      } catch (error) {
        signal?.throwIfAborted();
        return { ...info, usable: { ok: false, reason: AppError.from(error).message } };
      } finally {
        client.close();
      }
    },
  };
}

function noteOf(address: string): string {
  return [
    `Runs in the containerd at ${address}, in a namespace of Shimyard's.`,
    "While that is away, it goes on but can't be changed; if its shim is killed, containerd ends it.",
    "An image's layers are unpacked once more for it, where they are kept as single files.",
  ].join(" ");
}

/** containerd's runc looks for criu itself: most likely it finds the one that we do. */
async function checkpoints(
  criu: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Ability> {
  const reason = criu
    ? await criuRefuses({ path: criu, signal })
    : "Checkpoints need criu, which is not installed";
  return reason === undefined ? { ok: true } : { ok: false, reason };
}
