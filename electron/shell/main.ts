import { homedir } from "node:os";
import { join } from "node:path";
import { createHandlers } from "#api/index";
import { createCore } from "#core/core";
import { resolvePaths } from "#core/host/paths";
import { app } from "electron";
import { runApp } from "./app.ts";
import { KeychainSecretStore } from "./keychain.ts";

// A stray error in one listener must not take the manager down, nor ask the user in a dialog.
process.on("uncaughtException", (error) => console.error("Unforeseen:", error));

const { SHIMYARD_ROOT: root } = process.env;
const paths = resolvePaths(process.env, process.getuid?.() ?? 0, homedir(), root);

void runApp({
  dist: join(import.meta.dirname, ".."),
  ...(root && { userData: join(root, "window") }),
  async startBackend(shell) {
    const core = await createCore({
      ...{ paths, version: app.getVersion(), kind: "electron" },
      secrets: new KeychainSecretStore(paths),
      // They are copied by programs that can't look into the package's archive.
      shippedExtensions: app.isPackaged
        ? join(process.resourcesPath, "extensions")
        : join(import.meta.dirname, "../../extensions"),
    });
    return { handlers: createHandlers(core, shell), close: () => core.close() };
  },
});
