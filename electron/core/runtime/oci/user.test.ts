import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rootPrivileges } from "#core/host/privileges";
import { resolveUser } from "./user.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-user-"));
  await mkdir(join(root, "etc"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const resolve = (user: string) => resolveUser(root, user, rootPrivileges);

async function fill(dir = "etc"): Promise<void> {
  await writeFile(join(root, dir, "passwd"), "root:x:0:0::/:/bin/sh\napp:x:1000:100::/:/bin/sh\n");
  await writeFile(join(root, dir, "group"), "root:x:0:\nusers:x:100:\nstaff:x:50:app,x\nodd:x\n");
}

test("names and numbers, with groups and without", async () => {
  await fill();
  expect(await resolve("root")).toEqual({ uid: 0, gid: 0 });
  expect(await resolve("app")).toEqual({ uid: 1000, gid: 100, additionalGids: [50] });
  expect(await resolve("1000")).toEqual({ uid: 1000, gid: 100, additionalGids: [50] });
  expect(await resolve("app:staff")).toEqual({ uid: 1000, gid: 50 });
  expect(await resolve("app:7")).toEqual({ uid: 1000, gid: 7 });
  expect(await resolve("4242")).toEqual({ uid: 4242, gid: 0 });
  expect(await resolve("4242:4343")).toEqual({ uid: 4242, gid: 4343 });
});

test.each(["nobody", "app:nobody", "-1", "4294967295", "", "1e3"])("refuses %j", async (user) => {
  await fill();
  await expect(resolve(user)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    details: { field: "user", hint: expect.any(String) },
  });
});

test("an image without passwd has numbers only", async () => {
  expect(await resolve("5:6")).toEqual({ uid: 5, gid: 6 });
  await expect(resolve("root")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("links stay inside the root, wherever they point", async () => {
  await rm(join(root, "etc"), { recursive: true });
  await mkdir(join(root, "usr/share"), { recursive: true });
  await fill("usr/share");
  await symlink("/../../../usr/share/../share", join(root, "etc"));
  expect(await resolve("app")).toMatchObject({ uid: 1000 });
});

test("a loop, a directory and a link out of the root are no passwd", async () => {
  await symlink("passwd", join(root, "etc/passwd"));
  await mkdir(join(root, "etc/group"));
  expect(await resolve("9")).toEqual({ uid: 9, gid: 0 });
  await rm(join(root, "etc/passwd"));
  const outside = await mkdtemp(join(tmpdir(), "shimyard-outside-"));
  await writeFile(join(outside, "passwd"), "evil:x:66:66::/:\n");
  await symlink(join(outside, "passwd"), join(root, "etc/passwd"));
  await expect(resolve("evil")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await rm(outside, { recursive: true });
});
