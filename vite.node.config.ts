import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "vite";

/**
 * What Node and Electron's main process run: ES modules, one folder deep in dist/ (see
 * electron/core/base/worker.ts). `--mode test-workers` builds the worker threads alone, for vitest,
 * which runs everything else from source.
 */
export default defineConfig(({ mode }) => {
  const forTests = mode === "test-workers";
  return {
    root: import.meta.dirname,
    publicDir: false,
    logLevel: "warn",
    ssr: {
      // Bundled, so that a package carries only what has native code.
      noExternal: ["zod", "@bufbuild/protobuf", "undici"],
    },
    build: {
      ssr: true,
      target: "node20",
      outDir: forTests ? "dist/test" : "dist",
      // dist/ holds the other builds too; scripts/build.mjs empties what is stale.
      emptyOutDir: false,
      sourcemap: true,
      minify: false,
      rolldownOptions: {
        input: {
          ...(forTests
            ? {}
            : {
                "shell/main": "electron/shell/main.ts",
                "headless/main": "electron/headless/main.ts",
                "headless/service": "electron/headless/service/main.ts",
              }),
          ...workers(forTests),
        },
        external: ["electron", "lmdb", "koffi", "ws"],
        output: {
          format: "es",
          // .mjs where a file is unpacked from the archive and no package.json says "module" above it.
          entryFileNames: ({ name }) => (name.startsWith("workers/") ? "[name].mjs" : "[name].js"),
          chunkFileNames: "chunks/[name]-[hash].mjs",
        },
      },
    },
  };
});

/** `workers/NAME` to the path of its source; those that only tests start are called NAME.test.worker.ts. */
function workers(forTests: boolean): Record<string, string> {
  const core = join(import.meta.dirname, "electron/core");
  const entries: Record<string, string> = {};
  for (const file of readdirSync(core, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".worker.ts")) continue;
    if (file.endsWith(".test.worker.ts") && !forTests) continue;
    const name = `workers/${basename(file, ".worker.ts")}`;
    if (entries[name]) throw new Error(`Two worker threads are called ${name}: rename ${file}`);
    entries[name] = join(core, file);
  }
  return entries;
}
