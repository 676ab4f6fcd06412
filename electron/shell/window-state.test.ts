import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WindowStateFile } from "./window-state.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "shimyard-window-"));
});
afterEach(() => rm(dir, { recursive: true }));

const bounds = { x: 10, y: 20, width: 900, height: 600 };

test("what was saved is there at the next start", async () => {
  const first = new WindowStateFile(join(dir, "new/window"));
  await first.load();
  expect(first.state).toEqual({ maximized: false, theme: "system" });
  void first.save({ bounds });
  await first.save({ theme: "dark" });

  const second = new WindowStateFile(join(dir, "new/window"));
  await second.load();
  expect(second.state).toEqual({ maximized: false, theme: "dark", bounds });
});

test.each([
  "",
  "{",
  "[]",
  '{"maximized":"no","theme":"dark"}',
  '{"maximized":true,"theme":"pink"}',
])("a damaged file (%j) counts as none, and is replaced", async (text) => {
  await writeFile(join(dir, "window.json"), text);
  const file = new WindowStateFile(dir);
  await file.load();
  expect(file.state).toEqual({ maximized: false, theme: "system" });
  await file.save({ maximized: true });
  expect(JSON.parse(await readFile(join(dir, "window.json"), "utf8"))).toEqual({
    maximized: true,
    theme: "system",
  });
});
