import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { availableParallelism, release } from "node:os";
import { join } from "node:path";
import { say, step, UserError } from "./console.mjs";
import { debianMirror, fetchSource } from "./debian.mjs";
import { unlessItFailed } from "./failures.mjs";
import { exists, must, run, which } from "./exec.mjs";
import { aptInstall, installMissing, missing } from "./packages.mjs";
import { cache } from "./places.mjs";
import { criuBuild, crunCheckpoints } from "./requirements.mjs";

/**
 * Debian suites that criu's source is taken from, the first that can be had and built: forky's 4.2 saves network sockets on
 * kernels since 6.16, trixie's 4.1.1 knows the vDSO of those since 6.13.
 */
const suites = ["forky", "trixie"];

/**
 * @typedef {object} Criu
 * @property {string} path
 * @property {string} version
 * @property {string} source `the system's` or `built`
 */

/**
 * A criu that passes its own check on this kernel: the distribution's, else one built before, else
 * one built now. One that can't save network sockets here is taken only where no other can be had. Without one,
 * containers work but have no checkpoints; the reason is printed.
 * @returns {Promise<Criu | undefined>} undefined also for an ordinary user, who can't checkpoint
 */
export async function findOrMakeCriu() {
  if (process.getuid?.() !== 0) return undefined;
  const found = [await usable(await which("criu"), "the system's"), await builtBefore()].filter(
    (criu) => criu !== undefined,
  );
  const loss =
    found.length > 0 ? "Network sockets can't be checkpointed" : "Checkpoints are disabled";
  const criu =
    found.find(({ version }) => savesSockets(version, release())) ??
    (await unlessItFailed("criu", loss, make)) ??
    found[0];
  if (criu?.source === "the system's") await letCrunUseIt();
  return criu;
}

/**
 * Linux 6.16 keeps two options that older criu's ask of every socket for some kinds; `criu check` does not try.
 * @param {string} version criu's
 * @param {string} kernel as uname(1) has it
 */
export function savesSockets(version, kernel) {
  return isBefore(kernel, 6, 16) || !isBefore(version, 4, 2);
}

/**
 * @param {string} version
 * @param {number} major
 * @param {number} minor
 */
function isBefore(version, major, minor) {
  const [own = 0, ownMinor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return own < major || (own === major && ownMinor < minor);
}

/** Debian's crun only recommends the library that it calls criu by. */
async function letCrunUseIt() {
  const calls = (await run("crun", ["--version"])).stdout.includes("+CRIU");
  if (!calls || (await missing([crunCheckpoints])).length === 0) return;
  await unlessItFailed("libcriu", "Checkpoints are made with runc only", () =>
    installMissing([crunCheckpoints]),
  );
}

/** @returns {Promise<Criu>} */
async function make() {
  if (!(await which("apt-get"))) {
    throw new UserError("no criu here copes with this kernel. Install criu 4.2 or newer.");
  }
  if (!(await which("criu"))) {
    const installed = await aptInstall([["criu"]], "Checkpoints need criu.").then(
      () => true,
      () => false,
    );
    const ready = installed && (await usable(await which("criu"), "the system's"));
    if (ready && savesSockets(ready.version, release())) return ready;
  }
  const mirror = await debianMirror();
  const reason = (await which("criu"))
    ? `this distribution's criu does not work on kernel ${release()}`
    : "this distribution has no criu";
  if (!mirror) {
    throw new UserError(
      `${reason}, and no Debian mirror is set up to take the source of a newer one from.`,
    );
  }
  say(`A newer criu is built: ${reason}.`);
  await aptInstall(
    criuBuild.map((name) => [name]),
    "Building criu needs a compiler and libraries.",
  );
  await mkdir(cache, { recursive: true });
  const [newest = "", ...older] = suites;
  await older.reduce(
    (before, suite) => before.catch(() => build(mirror, suite)),
    build(mirror, newest),
  );
  const ready = await builtBefore();
  if (ready) return ready;
  throw new UserError(
    `the criu that was built does not pass \`criu check\` on kernel ${release()}.`,
  );
}

/**
 * Into the cache.
 * @param {string} mirror
 * @param {string} suite
 */
async function build(mirror, suite) {
  const work = await mkdtemp(join(cache, "criu-build-"));
  try {
    const { tarball, version } = await step(`Fetching criu's source (Debian ${suite})`, () =>
      fetchSource({ mirror, suite, work, name: "criu" }),
    );
    const built = await step(`Building criu ${version}`, async (progress) => {
      await must("tar", ["-xf", tarball, "--strip-components=1"], { cwd: work });
      const jobs = `-j${availableParallelism()}`;
      await must("make", [jobs, "criu/criu"], {
        cwd: work,
        failure: "criu could not be built.",
        onLine: (line) => progress(line.trim().slice(0, 50)),
      });
      return join(work, "criu/criu");
    });
    await must("strip", [built]);
    const directory = join(cache, `criu-${version}`);
    await mkdir(directory, { recursive: true });
    await rename(built, join(directory, "criu"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @returns {Promise<Criu | undefined>} */
async function builtBefore() {
  const directories = (await readdir(cache).catch(() => [])).filter((name) =>
    /^criu-\d/.test(name),
  );
  for (const name of directories.sort().reverse()) {
    const ready = await usable(join(cache, name, "criu"), "built");
    if (ready) return ready;
  }
  return undefined;
}

/**
 * @param {string | undefined} path
 * @param {string} source
 * @returns {Promise<Criu | undefined>}
 */
async function usable(path, source) {
  if (!path || !(await exists(path)) || (await run(path, ["check"])).status !== 0) return undefined;
  const { stdout } = await run(path, ["--version"]);
  return { path, version: /Version: (\S+)/.exec(stdout)?.[1] ?? "unknown", source };
}
