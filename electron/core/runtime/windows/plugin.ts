import { join } from "node:path";
import { runCommand } from "#core/host/command";
import type { Paths } from "#core/host/paths";
import { thisHost } from "#core/host/this-host";
import { firstExecutable } from "#core/host/prerequisites-tools";
import type { Privileges } from "#core/host/privileges";
import type { Ability, RuntimeInfo } from "#shared/contract/system";
import type { Runtime } from "../runtime.ts";
import { PidPool } from "./pid-pool.ts";
import { WindowsRuntime } from "./runtime.ts";
import type { WindowsShared } from "./shared.ts";
import { namedPipes } from "./transport.ts";
import { WithoutRestore } from "./without-restore.ts";

export const windowsRuntimeId = "windows/runhcs";

const binary = "containerd-shim-runhcs-v1";

/** What it can't, each with the reason, as a sentence without its full stop. */
export const windowsLacks = {
  pause: "Windows' shim can't pause containers",
  checkpoint: "Windows' shim can't checkpoint containers",
  limits: "Limits of Windows containers are not set yet",
};

/**
 * Windows' own runtime, where its shim is installed: on PATH, or where containerd's installer puts it. None on any
 * other system. It is not probed with a container, for which an image of this very Windows would be needed.
 */
export async function createWindowsRuntimes(context: {
  paths: Paths;
  privileges: Privileges;
}): Promise<{ runtimes: Runtime[]; infos: RuntimeInfo[] }> {
  if (process.platform !== "win32") return { runtimes: [], infos: [] };
  const path = await findShim();
  if (path === undefined) return { runtimes: [], infos: [] };
  const version = await shimVersion(path);
  const shared: WindowsShared = {
    ...context,
    id: windowsRuntimeId,
    shim: { name: binary, path, version },
    transport: namedPipes,
    pids: new PidPool(),
  };
  const runtime = new WithoutRestore(new WindowsRuntime(shared), shared);
  return { runtimes: [runtime], infos: [windowsInfo(path, version)] };
}

/** What the window knows of it. */
export function windowsInfo(path: string, version: string): RuntimeInfo {
  const cannot = (reason: string): Ability => ({ ok: false, reason });
  return {
    ...{ id: windowsRuntimeId, name: binary, path, version },
    usable: { ok: true },
    preferred: true,
    hidesUnifiedCgroup: false,
    abilities: {
      pause: cannot(windowsLacks.pause),
      checkpoint: cannot(windowsLacks.checkpoint),
      limits: cannot(windowsLacks.limits),
      exec: { ok: true },
      shareShim: cannot("Windows' shim holds one container each"),
    },
    probedAt: Date.now(),
  };
}

async function findShim(): Promise<string | undefined> {
  const host = thisHost();
  const installed = join(process.env.ProgramFiles ?? "C:\\Program Files", "containerd", "bin");
  const searchPath = [...host.searchPath, installed];
  return firstExecutable([`${binary}.exe`], { ...host, searchPath });
}

/** `0.12.9` of what `-v` prints (urfave/cli: `NAME version 0.12.9`); empty when it prints none. */
async function shimVersion(path: string): Promise<string> {
  const { stdout } = await runCommand([path, "-v"]).catch(() => ({ stdout: "" }));
  return /version (\d\S*)/.exec(stdout.toString())?.[1] ?? "";
}
