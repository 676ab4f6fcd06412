import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "./lib/build.mjs";
import { runMain } from "./lib/console.mjs";
import { root } from "./lib/places.mjs";
import { setUp } from "./lib/set-up.mjs";

/** `npm run screenshots`: docs/dark.png and docs/light.png, of the real window with real containers. */
await runMain(async () => {
  const { env } = await setUp({ electron: false, tests: "all" });
  await build();
  return new Promise((done) => {
    const child = spawn(
      join(root, "node_modules/.bin/playwright"),
      ["test", "--config", "e2e/screenshots/playwright.config.ts"],
      { cwd: root, env, stdio: "inherit" },
    );
    child.on("close", (code) => done(code ?? 1));
  });
});
