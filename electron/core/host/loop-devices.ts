import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const name = "60-shimyard-layers.rules";

/** Whatever root they are of: `data/layers/erofs/HEX/layer.erofs`. */
const rule = `# Layers of container images are no disks to be offered for mounting (udisks(8)).
SUBSYSTEM=="block", KERNEL=="loop*", ATTR{loop/backing_file}=="*/layers/erofs/*/layer.erofs", ENV{UDISKS_IGNORE}="1"
`;

/**
 * Has desktops not show the loop devices of layers among their disks, by a rule of udev's that lasts until the machine is
 * restarted. `udev`: its runtime directory; where it is not, nobody would show them. Best effort: they work as well.
 */
export async function hideLayerDevices(udev = "/run/udev"): Promise<void> {
  const file = join(udev, "rules.d", name);
  try {
    if ((await readFile(file, "utf8").catch(() => "")) === rule) return;
    await mkdir(join(udev, "rules.d")).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await writeFile(file, rule);
  } catch {
    // No udev, or not ours to tell.
  }
}
