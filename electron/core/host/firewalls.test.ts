import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findFirewalls } from "./firewalls.ts";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-firewalls-"));
  await mkdir(join(root, "etc/ufw"), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

const ufw = async (rootless: boolean): Promise<string | undefined> =>
  (await findFirewalls(rootless, { root })).find(({ name }) => name === "ufw")?.note;

test.each(["", "# ENABLED=yes\nENABLED=no\n"])(
  "ufw that is not at work is not told of: %j",
  async (text) => {
    expect(await ufw(false)).toBeUndefined();
    await writeFile(join(root, "etc/ufw/ufw.conf"), text);
    expect(await ufw(false)).toBeUndefined();
  },
);

test("ufw asks an ordinary user for a rule, and root for none", async () => {
  await writeFile(join(root, "etc/ufw/ufw.conf"), "# comment\nENABLED=yes\nLOGLEVEL=low\n");
  expect(await ufw(true)).toContain("sudo ufw allow");
  expect(await ufw(false)).toContain("let through");
});
