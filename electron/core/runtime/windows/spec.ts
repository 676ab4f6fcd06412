import type { Privileges } from "#core/host/privileges";
import { AppError } from "#shared/errors";
import { execProcess } from "../oci/exec-process.ts";
import type { CreateRequest, OciProcess, OciSpec, ProcessSpec, RootfsMount } from "../runtime.ts";

/** The OCI spec of a Windows container (config-windows.md): what is used of it. */
export interface WindowsConfig {
  ociVersion: string;
  process: OciProcess;
  hostname?: string;
  annotations?: Record<string, string>;
  mounts: { destination: string; source: string; options?: string[] }[];
  windows: {
    /** The layers, topmost first, and last the container's own. */
    layerFolders: string[];
  };
}

/**
 * What of a request a Windows container can have. Of the spec's mounts those that bind a directory; no `root`, which
 * the shim makes of the layers (hcsshim's service_internal.go); and no `linux`, by which it would take it for a Linux
 * container in a virtual machine. UNIMPLEMENTED for a root file system that is not made of such layers.
 */
export function windowsConfig({ spec, rootfs, terminal }: CreateRequest): WindowsConfig {
  return {
    ociVersion: spec.ociVersion,
    process: windowsProcess({ ...spec.process, terminal }),
    hostname: spec.hostname,
    annotations: spec.annotations,
    mounts: spec.mounts.flatMap(({ type, source, destination, options }) =>
      type === "bind" && source !== undefined ? [{ destination, source, options }] : [],
    ),
    windows: { layerFolders: layers(rootfs) },
  };
}

/** The process of an exec. Its user goes to Windows by name; whether there is such a one only the container knows. */
export async function windowsExec(
  spec: OciSpec,
  request: ProcessSpec,
  privileges: Privileges,
): Promise<OciProcess> {
  const { user: username, ...rest } = request;
  // Nobody is looked up, and so in no root.
  const process = await execProcess(spec, rest, "", privileges);
  return windowsProcess({ ...process, user: { ...process.user, username } });
}

/** Capabilities, limits and numbers of users are Linux's. */
function windowsProcess({ args, cwd, env, terminal, consoleSize, user }: OciProcess): OciProcess {
  const { username } = user;
  return {
    user: { uid: 0, gid: 0, ...(username !== undefined && { username }) },
    ...{ args, env, terminal },
    cwd: cwd === "/" ? "C:\\" : cwd,
    ...(consoleSize && { consoleSize }),
  };
}

function layers({ type, lower, upper }: RootfsMount): string[] {
  const directories = lower.flatMap((layer) => (layer.type === "directory" ? [layer.path] : []));
  if (type === "overlay" && upper !== undefined && directories.length === lower.length) {
    return [...directories, upper];
  }
  throw new AppError(
    "UNIMPLEMENTED",
    "A Windows container's files must be layers, each a directory",
    {
      hint: "It needs the layers of an image, unpacked, and one of its own.",
    },
  );
}
