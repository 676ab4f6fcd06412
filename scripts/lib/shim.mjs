import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { say, step, UserError } from "./console.mjs";
import { debianMirror, separateApt } from "./debian.mjs";
import { must, run, which } from "./exec.mjs";
import { cache } from "./places.mjs";

/** containerd 2 comes from this Debian suite; older ones have 1.7 at most. */
const suite = "sid";
/** A download that failed is tried again after this long; milliseconds. */
const retryAfter = 24 * 3600_000;
/** apt gives up on a mirror that does not answer within so many seconds. */
const timeout = 20;

/**
 * @typedef {object} Shim
 * @property {string} path
 * @property {string} version
 */

/**
 * containerd 2's runc shim, for tests beside the distribution's own: fetched once from a newer Debian suite and
 * unpacked in the cache, never installed. Without one those tests are skipped; the reason is printed.
 * @returns {Promise<Shim | undefined>}
 */
export async function findOrFetchShim() {
  const ready = await fetchedBefore();
  if (ready) return ready;
  const memory = join(cache, "shim-failure.json");
  const failed = await readFile(memory, "utf8").then(JSON.parse, () => undefined);
  let reason = failed && Date.now() - failed.at < retryAfter ? failed.reason : undefined;
  if (reason === undefined) {
    try {
      return await step(`Fetching containerd's shim (Debian ${suite})`, fetchShim);
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
      await writeFile(memory, JSON.stringify({ at: Date.now(), reason }));
    }
  }
  say(`containerd 2's shim is not tested: ${reason}`);
  return undefined;
}

/** @returns {Promise<Shim>} */
async function fetchShim() {
  await mkdir(cache, { recursive: true });
  const mirror = (await which("apt-get")) && (await debianMirror());
  if (!mirror) throw new UserError("no Debian mirror is set up to take it from.");
  const work = await mkdtemp(join(cache, "shim-fetch-"));
  try {
    const options = await separateApt({ mirror, suite, types: "deb", work });
    options.push("-o", `Acquire::http::Timeout=${timeout}`, "-o", "Acquire::Retries=0");
    const failure = `containerd could not be had from Debian ${suite} at ${mirror}.`;
    await must("apt-get", [...options, "update"], { failure });
    await must("apt-get", [...options, "download", "containerd"], { cwd: work, failure });
    const file = (await readdir(work)).find((name) => /^containerd_.*\.deb$/.test(name));
    if (!file) throw new UserError(failure);
    await must("dpkg-deb", ["-x", join(work, file), join(work, "files")], { failure });
    const shim = join(work, "files/usr/bin/containerd-shim-runc-v2");
    const found = await version(shim);
    if (!found) throw new UserError(`the shim of ${file} does not run here.`);
    const directory = join(cache, `shim-${found}`);
    await mkdir(directory, { recursive: true });
    await rename(shim, join(directory, "containerd-shim-runc-v2"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const ready = await fetchedBefore();
  if (ready) return ready;
  throw new UserError("the shim that was fetched does not run here.");
}

/** @returns {Promise<Shim | undefined>} */
async function fetchedBefore() {
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^shim-\d/.test(name));
  for (const name of names.sort().reverse()) {
    const path = join(cache, name, "containerd-shim-runc-v2");
    const found = await version(path);
    if (found) return { path, version: found };
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Promise<string | undefined>}
 */
async function version(path) {
  const { stdout } = await run(path, ["-v"]).catch(() => ({ stdout: "" }));
  return /^\s*Version:\s*(\S+)/m.exec(stdout)?.[1];
}
