import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { step } from "./console.mjs";
import { exists, must } from "./exec.mjs";
import { root } from "./places.mjs";

/** What the build reads. */
const inputs = [
  "assets",
  "electron",
  "renderer",
  "shared",
  "scripts",
  "node_modules/.shimyard-lock",
];
const stamp = join(root, "dist/.built-from");

/** Builds the app into dist/, unless nothing changed since the last build. */
export async function build() {
  const key = await inputsKey();
  const built = await exists(join(root, "dist/headless/main.js"));
  if (built && (await readFile(stamp, "utf8").catch(() => "")) === key) return;
  await step("Building", () =>
    must(process.execPath, [join(root, "scripts/build.mjs")], {
      cwd: root,
      failure: "The build failed: see above.",
    }),
  );
  await mkdir(join(root, "dist"), { recursive: true });
  await writeFile(stamp, key);
}

/** @returns {Promise<string>} changes with any source's name, size or time */
async function inputsKey() {
  const top = (await readdir(root)).filter((name) => /\.(ts|json)$/.test(name));
  const lists = await Promise.all(
    [...inputs, ...top].map(async (name) => {
      const info = await stat(join(root, name)).catch(() => undefined);
      if (!info?.isDirectory()) return [name];
      const below = await readdir(join(root, name), { recursive: true });
      return below.map((path) => join(name, path));
    }),
  );
  const lines = await Promise.all(
    lists.flat().map(async (path) => {
      const info = await stat(join(root, path)).catch(() => undefined);
      return info?.isFile() ? `${path} ${info.size} ${info.mtimeMs}` : "";
    }),
  );
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex");
}
