import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build as pack, Platform } from "electron-builder";
import { build } from "./lib/build.mjs";
import { runMain, say, UserError } from "./lib/console.mjs";
import { electronDist } from "./lib/electron.mjs";
import { root } from "./lib/places.mjs";

const usage = `npm run package [-- TARGET...]: packages the app into release/.

  dir         the unpacked directory, release/linux-unpacked; the default
  deb         a Debian package, depending on conmon and runc or crun
  AppImage    one file that runs anywhere

deb and AppImage need helpers which electron-builder fetches from GitHub.`;

const known = ["dir", "deb", "AppImage"];

await runMain(async () => {
  const { values, positionals } = parseArgs({
    options: { help: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  if (values.help) return say(usage);
  const targets = positionals.length > 0 ? positionals : ["dir"];
  const unknown = targets.find((target) => !known.includes(target));
  if (unknown) throw new UserError(`There is no target "${unknown}".\n\n${usage}`);

  const electron = await electronDist();
  await build();
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  if (electron.version !== devDependencies.electron) {
    say(
      `Packaging Electron ${electron.version} (${electron.source}), not ${devDependencies.electron}.`,
    );
  }
  const made = await pack({
    projectDir: root,
    targets: Platform.LINUX.createTarget(targets),
    publish: "never",
    config: {
      extends: join(root, "electron-builder.yml"),
      electronDist: electron.path,
      electronVersion: electron.version,
      // A directory of Electron's comes with the app it shows when it is given none.
      afterPack: ({ appOutDir }) =>
        rm(join(appOutDir, "resources/default_app.asar"), { force: true }),
    },
  }).catch((error) => {
    const offline = error.code === "ENOTFOUND" && !targets.every((target) => target === "dir");
    throw new UserError(
      offline
        ? "electron-builder could not fetch the helpers that it makes deb and AppImage with."
        : "Packaging failed.",
      error.message,
    );
  });
  for (const file of targets.includes("dir")
    ? [join(root, "release/linux-unpacked"), ...made]
    : made)
    say(file);
});
