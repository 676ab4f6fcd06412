import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "../..");

/**
 * vitest's global set-up: worker threads are bundles even in tests (electron/core/base/worker.ts), and what tests
 * of an earlier run have found out of this host is forgotten (rememberHost in electron/core/runtime/testing.ts).
 */
export async function setup(): Promise<void> {
  await rm(join(root, "dist/test/hosts"), { recursive: true, force: true });
  await build({
    configFile: join(root, "vite.node.config.ts"),
    mode: "test-workers",
  });
}
