import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { say, step, UserError } from "./console.mjs";
import { debianMirror, fetchSource } from "./debian.mjs";
import { must, run, which } from "./exec.mjs";
import { unlessItFailed } from "./failures.mjs";
import { aptInstall } from "./packages.mjs";
import { cache } from "./places.mjs";
import { erofsBuild } from "./requirements.mjs";

/** erofs-utils' source comes from this Debian suite: its 1.8.6 reads tar archives, which Debian 12's 1.5 can't. */
const suite = "trixie";

/**
 * @typedef {object} MkfsErofs
 * @property {string} path
 * @property {string} version
 */

/**
 * A mkfs.erofs that makes an image of a tar archive (1.7 or newer): the distribution's, else one built before, else
 * one built now. Without one, images are unpacked into directories; the reason is printed.
 * @returns {Promise<MkfsErofs | undefined>} undefined also where its images could not be mounted
 */
export async function findOrMakeMkfsErofs() {
  if (process.getuid?.() !== 0 || !(await kernelHasErofs())) return undefined;
  const ready = (await usable(await which("mkfs.erofs"))) ?? (await builtBefore());
  return ready ?? unlessItFailed("erofs", "Images are unpacked into directories", make);
}

/** Whether the kernel has the file system: built in, loaded, or as a module that the first mount loads. */
async function kernelHasErofs() {
  const known = await readFile("/proc/filesystems", "utf8").catch(() => "");
  return /\terofs$/m.test(known) || (await run("modprobe", ["-n", "erofs"])).status === 0;
}

/** @returns {Promise<MkfsErofs>} */
async function make() {
  if (!(await which("apt-get"))) throw new UserError("erofs-utils 1.7 or newer is not installed.");
  if (!(await which("mkfs.erofs"))) {
    const why = "Keeping images as files needs erofs-utils.";
    await aptInstall([["erofs-utils"]], why).catch(() => undefined);
    const ready = await usable(await which("mkfs.erofs"));
    if (ready) return ready;
  }
  const mirror = await debianMirror();
  if (!mirror) {
    throw new UserError(
      "this distribution's erofs-utils is older than 1.7, and no Debian mirror is set up to take the source of a newer one from.",
    );
  }
  say("A newer mkfs.erofs is built: this distribution's erofs-utils is older than 1.7.");
  await aptInstall(
    erofsBuild.map((name) => [name]),
    "This distribution's erofs-utils is older than 1.7; building a newer one needs a compiler.",
  );
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "erofs-build-"));
  try {
    const { tarball, version } = await step(`Fetching erofs-utils' source (Debian ${suite})`, () =>
      fetchSource({ mirror, suite, work, name: "erofs-utils" }),
    );
    await step(`Building erofs-utils ${version}`, async (progress) => {
      const options = {
        cwd: work,
        failure: "erofs-utils could not be built.",
        onLine: (/** @type {string} */ line) => progress(line.trim().slice(0, 50)),
      };
      await must("tar", ["-xf", tarball, "--strip-components=1"], { cwd: work });
      await must("sh", ["autogen.sh"], options);
      // Layers are not compressed, so that reading one costs no time.
      const without = ["--disable-fuse", "--disable-lz4", "--disable-lzma", "--without-uuid"];
      await must("sh", ["configure", ...without, "--without-zlib", "--without-selinux"], options);
      await must("make", [`-j${availableParallelism()}`], options);
    });
    const built = join(work, "mkfs/mkfs.erofs");
    await must("strip", [built]);
    const directory = join(cache, `erofs-${version}`);
    await mkdir(directory, { recursive: true });
    await rename(built, join(directory, "mkfs.erofs"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const ready = await builtBefore();
  if (ready) return ready;
  throw new UserError("the mkfs.erofs that was built does not run here.");
}

/** @returns {Promise<MkfsErofs | undefined>} */
async function builtBefore() {
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^erofs-\d/.test(name));
  for (const name of names.sort().reverse()) {
    const ready = await usable(join(cache, name, "mkfs.erofs"));
    if (ready) return ready;
  }
  return undefined;
}

/**
 * @param {string | undefined} path
 * @returns {Promise<MkfsErofs | undefined>}
 */
async function usable(path) {
  if (!path) return undefined;
  const { output } = await run(path, ["--help"]);
  if (!output.includes("--tar")) return undefined;
  const said = await run(path, ["-V"]);
  return { path, version: /\d+\.\d\S*/.exec(said.output)?.[0] ?? "unknown" };
}
