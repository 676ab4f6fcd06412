import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cgroupPath } from "./cgroup.ts";
import { findDelegation } from "./delegation.ts";

const v2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
const v1 = "30 23 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

/** Who owns the files of a tree that a test makes. */
const uid = process.getuid?.() ?? 0;
const user = `user.slice/user-${uid}.slice/user@${uid}.service`;

let root: string;
const find = (env: NodeJS.ProcessEnv = {}, asked = uid) =>
  findDelegation({ root, uid: asked, env });

async function put(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

/** A cgroup's files. That writing `+memory` makes the kernel list it without the sign is not to be had here. */
const cgroup = (path: string, controllers: string, pids = ""): Record<string, string> => ({
  [`sys/fs/cgroup/${path}/cgroup.procs`]: pids,
  [`sys/fs/cgroup/${path}/cgroup.controllers`]: controllers,
  [`sys/fs/cgroup/${path}/cgroup.subtree_control`]: controllers,
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-delegation-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("what is delegated", () => {
  test("is nothing on cgroup v1, nor with v2 beside it", async () => {
    await put({ "proc/self/mountinfo": v1 });
    await expect(find()).rejects.toThrow(/cgroup v1/);
    await put({ "proc/self/mountinfo": v1 + v2.replace("/cgroup rw", "/cgroup/unified rw") });
    await expect(find()).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });

  test("is asked of the user's systemd where it runs, with what it hands on", async () => {
    await put({
      "proc/self/mountinfo": v2,
      "proc/self/cgroup": `0::/user.slice/user-${uid}.slice/session-1.scope\n`,
      "run/user/systemd/private": "",
      ...cgroup(user, "memory pids\n"),
    });
    const found = await find({ XDG_RUNTIME_DIR: "/run/user" });
    expect(found).toMatchObject({ systemd: true, controllers: ["memory", "pids"] });
    const path = found.cgroupsPath("web");
    expect(path).toBe("user.slice:shimyard:web");
    // Where runc and crun have systemd put it.
    expect(cgroupPath(path, uid)).toBe(`/${user}/user.slice/shimyard-web.scope`);
  });

  test("is the highest cgroup of the user's own, from which processes make room", async () => {
    await put({
      "proc/self/mountinfo": v2,
      "proc/self/cgroup": "0::/box/app/run\n",
      ...cgroup("box/app", "cpu memory", "41\n42\n"),
      ...cgroup("box/app/run", "memory"),
    });
    const found = await find();
    expect(found.systemd).toBe(false);
    expect(found.cgroupsPath("shimyard-web")).toBe("/box/app/shimyard-web");
    const own = join(root, "sys/fs/cgroup/box/app");
    expect(await readFile(join(own, "shimyard-manager/cgroup.procs"), "utf8")).toBe("42");
    expect(await readFile(join(own, "cgroup.subtree_control"), "utf8")).toBe("+memory");
  });

  test("is nothing where the cgroup is another's", async () => {
    await put({
      "proc/self/mountinfo": v2,
      "proc/self/cgroup": "0::/box\n",
      ...cgroup("box", "memory"),
    });
    await expect(find({}, uid + 1)).rejects.toThrow(/no cgroups of their own/);
  });
});
