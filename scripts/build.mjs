import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "vite";
import { runMain, say, seconds } from "./lib/console.mjs";
import { root } from "./lib/places.mjs";

/** Builds dist/: the window, what Electron's main process and Node run, and the preload. */
const parts = ["renderer", "node", "preload"];

await runMain(async () => {
  const started = performance.now();
  // Vite empties the window's directory; in the others, what an earlier build left would stay.
  await Promise.all(
    ["shell", "headless", "workers", "chunks"].map((name) =>
      rm(join(root, "dist", name), { recursive: true, force: true }),
    ),
  );
  await Promise.all(
    parts.map((part) => build({ configFile: join(root, `vite.${part}.config.ts`) })),
  );
  say(`Built in ${seconds(started)}`);
});
