import { say } from "./console.mjs";
import { findOrMakeCriu } from "./criu.mjs";
import { findOrMakeMkfsErofs } from "./erofs.mjs";
import { electronDist } from "./electron.mjs";
import { installNodeModules } from "./node-modules.mjs";
import { installMissing } from "./packages.mjs";
import * as requirements from "./requirements.mjs";
import { findOrFetchShim } from "./shim.mjs";

/**
 * @typedef {object} Installed
 * @property {import("./criu.mjs").Criu} [criu]
 * @property {import("./erofs.mjs").MkfsErofs} [mkfsErofs]
 * @property {import("./shim.mjs").Shim} [shim] one of containerd 2, for the tests
 * @property {import("./electron.mjs").ElectronDist} [electron] when it was asked for
 * @property {NodeJS.ProcessEnv} env what Shimyard's processes are started with
 */

/**
 * Installs what is missing: system packages, node modules, criu, mkfs.erofs, Electron. With nothing missing it
 * takes a fraction of a second, so every start does it.
 * @param {{ electron: boolean, tests?: "unit" | "all" | undefined }} wanted
 * @returns {Promise<Installed>}
 */
export async function setUp({ electron: wantsElectron, tests }) {
  await installMissing([
    ...requirements.core,
    ...(process.getuid?.() === 0 ? requirements.checkpoints : []),
    ...(wantsElectron ? requirements.electronLibraries : []),
    ...(tests === "unit" ? requirements.unitTests : []),
    ...(tests === "all" ? requirements.tests : []),
  ]);
  // One after the other: both may ask apt for what building takes.
  const tools = findOrMakeCriu().then(async (criu) => ({
    criu,
    mkfsErofs: await findOrMakeMkfsErofs(),
  }));
  const [{ criu, mkfsErofs }, shim, electron] = await Promise.all([
    tools,
    tests === "all" ? findOrFetchShim() : undefined,
    installNodeModules().then(() => (wantsElectron ? electronDist() : undefined)),
  ]);
  if (electron) say(`Electron ${electron.version} (${electron.source})`);
  return {
    criu,
    mkfsErofs,
    shim,
    electron,
    env: {
      ...process.env,
      ...(criu && { SHIMYARD_CRIU: criu.path }),
      ...(mkfsErofs && { SHIMYARD_MKFS_EROFS: mkfsErofs.path }),
      ...(shim && { SHIMYARD_TEST_SHIM: shim.path }),
      ...(electron && { ELECTRON_OVERRIDE_DIST_PATH: electron.path }),
    },
  };
}
