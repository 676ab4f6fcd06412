import { parseArgs } from "node:util";
import { runMain, say } from "./lib/console.mjs";
import { setUp } from "./lib/set-up.mjs";

/** `node scripts/setup.mjs [--tests]`: installs what is missing and starts nothing. */
await runMain(async () => {
  const { values } = parseArgs({ options: { tests: { type: "boolean", default: false } } });
  const { criu, mkfsErofs } = await setUp({
    electron: true,
    tests: values.tests ? "all" : undefined,
  });
  if (criu) say(`criu ${criu.version} (${criu.source}): ${criu.path}`);
  if (mkfsErofs) say(`mkfs.erofs ${mkfsErofs.version}: ${mkfsErofs.path}`);
  say("Everything is there.");
});
