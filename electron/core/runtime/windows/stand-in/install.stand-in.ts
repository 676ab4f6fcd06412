import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { workerUrl } from "#core/base/worker";
import { rootPrivileges } from "#core/host/privileges";
import type { TestRoot } from "../../testing.ts";
import { PidPool } from "../pid-pool.ts";
import { windowsRuntimeId } from "../plugin.ts";
import type { WindowsShared } from "../shared.ts";
import { socketsIn } from "./sockets.stand-in.ts";

/** What Windows would offer a root, with the stand-in for its shim. Needs root, which mounts the layers. */
export async function standInFor(root: TestRoot): Promise<WindowsShared> {
  const sockets = join(root.dir, "pipes");
  await mkdir(sockets, { recursive: true });
  const from = new URL("../../x.ts", import.meta.url).href;
  const program = fileURLToPath(workerUrl("runhcs-stand-in.test", from));
  const path = join(root.dir, "containerd-shim-runhcs-v1");
  const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" "${sockets}" "$@"\n`;
  await writeFile(path, script, { mode: 0o755 });
  return {
    id: windowsRuntimeId,
    paths: root.paths,
    privileges: rootPrivileges,
    shim: { name: "containerd-shim-runhcs-v1", path, version: "" },
    transport: socketsIn(sockets),
    pids: new PidPool(),
  };
}
