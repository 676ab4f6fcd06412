import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hideLayerDevices } from "./loop-devices.ts";

let udev: string;
beforeEach(async () => {
  udev = await mkdtemp(join(tmpdir(), "shimyard-udev-"));
});
afterEach(() => rm(udev, { recursive: true, force: true }));

test("udev is told once which devices are no disks, where there is one", async () => {
  await hideLayerDevices(udev);
  await hideLayerDevices(udev);
  const [name = "", ...more] = await readdir(join(udev, "rules.d"));
  expect([name, more]).toEqual([expect.stringMatching(/\.rules$/), []]);
  const text = await readFile(join(udev, "rules.d", name), "utf8");
  const [line = "", ...others] = text.split("\n").filter((one) => one && !one.startsWith("#"));
  expect(others).toEqual([]);
  for (const part of line.split(", ")) expect(part).toMatch(/^[A-Z]+(\{[\w/]+\})?==?"[^"]+"$/);

  const none = join(udev, "none");
  await hideLayerDevices(none);
  expect(await readdir(udev)).toEqual(["rules.d"]);
});
