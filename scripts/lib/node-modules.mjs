import { createHash } from "node:crypto";
import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { say, step } from "./console.mjs";
import { exists, must } from "./exec.mjs";
import { root } from "./places.mjs";

/**
 * `npm ci`, only when package-lock.json (or Node's ABI) is not what was installed last. The stamp
 * lies in node_modules, so that it goes when they go.
 */
export async function installNodeModules() {
  const lock = await readFile(join(root, "package-lock.json"));
  const key = createHash("sha256").update(lock).update(process.versions.modules).digest("hex");
  const modules = join(root, "node_modules");
  const stamp = join(modules, ".shimyard-lock");
  if ((await readFile(stamp, "utf8").catch(() => "")) === key) return;
  if (await isLink(modules)) {
    // `npm ci` would empty what it points at, which may serve other checkouts.
    say("node_modules is a link: left as it is.");
    return;
  }
  await step("Installing node modules (npm ci)", () =>
    must("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      failure: "npm ci failed: see above.",
    }),
  );
  await writeFile(stamp, key);
}

/** @param {string} path */
async function isLink(path) {
  return (await exists(path)) && (await lstat(path)).isSymbolicLink();
}
