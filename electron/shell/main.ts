import { homedir } from "node:os";
import { join } from "node:path";
import { resolvePaths } from "#core/host/paths";
import { openManager, serveOptions } from "#headless/open-manager";
import { connectService } from "#headless/service/service-client";
import { serviceSocket } from "#headless/service/set-up";
import { shellHandlers } from "#headless/shell-handlers";
import { shellContract } from "#shared/contract/shell";
import { pipeAll, serveAll } from "#shared/rpc/acceptor";
import { app } from "electron";
import { runApp } from "./app.ts";
import { KeychainSecretStore } from "./keychain.ts";

// A stray error in one listener must not take the manager down, nor ask the user in a dialog.
process.on("uncaughtException", (error) => console.error("Unforeseen:", error));

const { SHIMYARD_ROOT: root } = process.env;
const paths = resolvePaths(process.env, process.getuid?.() ?? 0, homedir(), root);
const dist = join(import.meta.dirname, "..");
const version = app.getVersion();

void runApp({
  dist,
  ...(root && { userData: join(root, "window") }),
  start: (window) => ({
    shell: serveAll(shellContract, shellHandlers({ dist, version, paths, window }), serveOptions),
    user: openManager({
      ...{ paths, version, kind: "electron" },
      secrets: new KeychainSecretStore(paths),
      // They are copied by programs that can't look into the package's archive.
      shippedExtensions: app.isPackaged
        ? join(process.resourcesPath, "extensions")
        : join(dist, "../extensions"),
    }),
    machine: pipeAll(() => connectService(serviceSocket(), version)),
  }),
});
