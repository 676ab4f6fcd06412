// Stands in for the default_app that Electron's releases carry, in the Electron that
// lib/electron.mjs makes: `electron [flags] [-r MODULE] DIRECTORY_OR_FILE [arguments]` loads that app.
// An ES module which awaits the app: Electron is ready only when it has loaded, as in a release.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { app } from "electron";

const modules = [];
let index = 1;
for (; process.argv[index]?.startsWith("-"); index++) {
  if (["-r", "--require"].includes(process.argv[index])) modules.push(process.argv[++index]);
}
const file = process.argv[index];
if (file === undefined) {
  console.error("usage: electron [flags] [-r MODULE] DIRECTORY_OR_FILE [arguments]");
  process.exit(1);
}
Object.defineProperty(process, "defaultApp", { value: true, enumerable: true });
for (const name of modules) createRequire(path.join(process.cwd(), "x"))(name);

const target = path.resolve(file);
const manifest = path.join(target, "package.json");
let main = target;
if (existsSync(manifest)) {
  const {
    main: entry = "index.js",
    name,
    productName,
    version,
  } = JSON.parse(readFileSync(manifest, "utf8"));
  if (version) app.setVersion(version);
  app.name = productName ?? name ?? app.name;
  app.setDesktopName(`${name ?? "electron"}.desktop`);
  app.setAppPath(target);
  main = path.join(target, entry);
} else {
  app.setAppPath(path.dirname(target));
}
try {
  await import(pathToFileURL(main).href);
} catch (error) {
  console.error(`The app at ${main} could not be loaded.`);
  console.error(error);
  process.exit(1);
}
