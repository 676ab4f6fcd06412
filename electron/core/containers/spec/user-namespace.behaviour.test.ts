import { chmod, chown, lstat, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { type Core, createCore } from "../../core.ts";
import { resolvePaths } from "../../host/paths.ts";
import { choosePrivileges } from "../../host/privileges.ts";
import { rememberHost } from "../../runtime/testing.ts";
import type { LayerKind } from "../../snapshots/layer.ts";
import { removeTree } from "../../snapshots/snapshotter.ts";

const { rootless } = choosePrivileges();
let count = 0;
const config = (imageId: string, more: Partial<ContainerConfig> = {}): ContainerConfig => ({
  ...{ name: `mapped-${++count}`, imageId, args: ["sleep", "1000"], env: [], terminal: false },
  ...{ limits: {}, restart: { name: "no" }, labels: {}, userns: { auto: 65_536 }, ...more },
});

describe.skipIf(rootless).each<LayerKind>(["erofs", "directory"])("on layers as %s", (layers) => {
  let root: string;
  let core: Core;
  let imageId: string;
  const paths = () => resolvePaths({}, 0, "/root", root);
  const open = async (): Promise<void> => {
    core = await createCore({ paths: paths(), version: "0.0.0", kind: "test", layers });
    await core.ready;
  };
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "shimyard-userns-"));
    // As /var/lib is.
    await chmod(root, 0o711);
    await rememberHost(paths());
    await open();
    imageId = (await core.images.ensureStarter()).id;
  });
  afterEach(async () => {
    for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
  });
  afterAll(async () => {
    await core.close();
    await removeTree(root, choosePrivileges());
  });

  const run = async (more?: Partial<ContainerConfig>): Promise<string> =>
    (await core.containers.create(config(imageId, more), true)).id;
  const says = async (id: string, script: string): Promise<string> => {
    const { stdout, stderr } = await core.containers.exec(id, { args: ["sh", "-c", script] });
    return new TextDecoder().decode(Buffer.concat([stdout, stderr])).trim();
  };
  const status = (id: string): Promise<string> =>
    readFile(`/proc/${core.containers.lifecycle.task(id)?.state.pid}/status`, "utf8");
  const firstId = (id: string): number => core.containers.records.get(id).firstId as number;

  test("root is root inside and nobody outside, and what it writes is root's on disk", async () => {
    const id = await run();
    expect(
      await says(id, "id -u; stat -c %u:%g /bin/busybox /etc; touch /mine && echo wrote"),
    ).toBe("0\n0:0\n0:0\nwrote");
    expect(await status(id)).toMatch(new RegExp(`^Uid:\\t${firstId(id)}\\t`, "m"));
    expect(await says(id, "chown 1000:50 /mine; rm /bin/wget; ls /bin/wget")).toContain("No such");
    const upper = core.containers.lifecycle.task(id)?.bundle.replace("/tasks/", "/containers/");
    const { uid, gid } = await lstat(join(upper ?? "", "upper/mine"));
    expect({ uid, gid }).toEqual({ uid: 1000, gid: 50 });
    // Its network, queues and devices are its own all the same.
    expect(
      await says(id, "echo x >/dev/null && cat /proc/sys/net/ipv4/ip_unprivileged_port_start"),
    ).toBe("0");
    const reached =
      "ping -c 1 -W 5 $(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p') | grep -c '1 packets received'";
    expect(await says(id, reached)).toBe("1");
  });

  test("this machine's /dev/null stays root's, whichever runtime makes it, ahead or not", async () => {
    const owner = async () => {
      const { uid, gid, mode } = await lstat("/dev/null");
      return { uid, gid, mode };
    };
    const before = await owner();
    const usable = core.system.info.value.runtimes.filter(
      ({ id, usable: { ok } }) => ok && /crun|runc/.test(id) && !id.includes("containerd/"),
    );
    for (const { id: runtime } of usable) {
      for (const terminal of [false, true, false]) {
        const id = await run({ runtime, terminal });
        expect(
          await says(id, "stat -c %u:%g:%a /dev/null; echo x >/dev/null && echo wrote"),
        ).toMatch(/^(0:0|65534:65534):666\nwrote$/);
        expect(await owner()).toEqual(before);
      }
    }
  });

  test("a file of this machine's root is nobody's to it", async () => {
    const id = await run({
      mounts: [{ type: "bind", source: paths().data, target: "/data", readOnly: false }],
    });
    expect(await says(id, "stat -c %u /data; ls /data; touch /data/x")).toMatch(
      /^65534\nls: .*Permission denied\ntouch: .*Permission denied$/,
    );
  });

  test("volumes and what is mapped are its root's, and on disk as if there was no namespace", async () => {
    const shared = join(root, "shared");
    await mkdir(join(shared, "deep"), { recursive: true });
    await writeFile(join(shared, "file"), "of this machine\n", { mode: 0o600 });
    await chown(join(shared, "deep"), 1000, 50);
    const bind = (source: string, target: string, more = {}) => ({
      ...{ type: "bind" as const, source, target, readOnly: false, ...more },
    });
    const mounts = [
      { type: "volume" as const, source: "kept", target: "/etc", readOnly: false },
      bind(shared, "/mapped", { idmap: true }),
      bind(join(shared, "file"), "/one", { idmap: true, readOnly: true }),
      bind(shared, "/plain"),
    ];
    const id = await run({ mounts });
    const script =
      "stat -c '%u:%g %n' /etc /etc/passwd /mapped /mapped/file /mapped/deep /one /plain; cat /one; " +
      "touch /etc/mine /mapped/deep/mine && chown 7:8 /mapped/deep/mine; echo x >/one; cat /plain/file";
    expect((await says(id, script)).split("\n")).toEqual([
      ...["0:0 /etc", "0:0 /etc/passwd", "0:0 /mapped", "0:0 /mapped/file", "1000:50 /mapped/deep"],
      ...["0:0 /one", "65534:65534 /plain", "of this machine"],
      expect.stringContaining("Read-only file system"),
      expect.stringContaining("Permission denied"),
    ]);
    const owner = async (path: string): Promise<string> => {
      const { uid, gid } = await lstat(path);
      return `${uid}:${gid}`;
    };
    expect(await owner(join(shared, "deep/mine"))).toBe("7:8");
    // Another one with ids of its own, and one without.
    for (const userns of [{ auto: 65_536 }, undefined]) {
      const other = await run({ userns, mounts: mounts.slice(0, 1) });
      expect(await says(other, "stat -c %u:%g /etc/mine; echo more >/etc/mine")).toBe("0:0");
    }
    await core.containers.lifecycle.restart(id, 0);
    expect(await says(id, "cat /etc/mine; stat -c %u /mapped/file")).toBe("more\n0");
    expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(root);
    for (const { id: all } of await core.containers.list()) await core.containers.delete(all, true);
    await core.volumes.delete("kept");
  });

  test.each<[source: string, userns: ContainerConfig["userns"], code: string]>([
    ["/proc", { auto: 1000 }, "FAILED_PRECONDITION"],
    ["/tmp", undefined, "INVALID_ARGUMENT"],
  ])("ids of %s can't be mapped to %j", async (source, userns, code) => {
    const mounts = [
      { ...{ type: "bind" as const, source, target: "/x", readOnly: true }, idmap: true },
    ];
    await expect(run({ userns, mounts })).rejects.toMatchObject({
      ...{ code, details: { field: "mounts" } },
    });
  });

  test("two have no ids in common, after a restart of the manager too, and those of one that has gone are given again", async () => {
    const one = await run();
    const [two, three] = await Promise.all([run(), run()]);
    const ids = [one, two, three].map(firstId).sort((a, b) => a - b);
    expect(ids.map((id, at) => id - (ids[at - 1] ?? id))).toEqual([0, 65_536, 65_536]);
    const before = firstId(one);
    await core.close();
    await open();
    expect(await says(one, "touch /still && echo here")).toBe("here");
    await core.containers.lifecycle.restart(one, 0);
    expect(firstId(one)).toBe(before);
    expect(await says(one, "ls /still")).toBe("/still");
    await core.containers.delete(one, true);
    expect(firstId(await run())).toBe(before);
  });

  test("an image made of it has its files as their owners are inside", async () => {
    const id = await run();
    await says(id, "echo hi >/mine; chown 7:8 /mine");
    const made = await core.containerImages.commit({
      containerId: id,
      name: "made:1",
      pause: true,
    });
    const other = await run({ imageId: made.id, userns: undefined });
    expect(await says(other, "stat -c %u:%g /mine; cat /mine")).toBe("7:8\nhi");
  });

  test("what it changed is told of it alone, as it runs and when it has ended", async () => {
    const id = await run({ networks: "none" });
    await says(id, "echo hi >/mine; chown 7:8 /mine");
    const source = { kind: "container" as const, id };
    const { signal } = new AbortController();
    const changed = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { changes } of core.files.diff({ source }, { signal })) {
        found.push(...changes.map(({ path, change }) => `${change} ${path}`));
      }
      return found;
    };
    expect(await changed()).toEqual(["added /mine"]);
    const owner = async (): Promise<number> =>
      (await core.files.stat({ source, path: "/mine" }, { signal })).uid;
    // While it runs they are this machine's users.
    expect(await owner()).toBe(firstId(id) + 7);
    await core.containers.lifecycle.stop(id, 0);
    await vi.waitFor(async () => expect(await changed()).toEqual(["added /mine"]), 15_000);
    expect(await owner()).toBe(7);
  });

  test("ids can be given by hand, in parts", async () => {
    const uids = [
      { inside: 0, outside: 1_900_000_000, size: 10 },
      { inside: 1000, outside: 1_900_001_000, size: 1 },
    ];
    const id = await run({ user: "1000:5", userns: { uids } });
    expect(await status(id)).toMatch(/^Uid:\t1900001000\t/m);
    expect(await status(id)).toMatch(/^Gid:\t1900000005\t/m);
  });

  test("every runtime here that mounts its own files can do it", async () => {
    await vi.waitFor(() => expect(core.system.info.value.probing).toBe(false), 30_000);
    const usable = core.system.info.value.runtimes.filter(({ usable }) => usable.ok);
    for (const { id: runtime, name, plainLayers } of usable) {
      const mounts = [{ type: "volume" as const, target: "/kept", readOnly: false }];
      const running = run({ runtime, networks: "none", mounts });
      if (plainLayers || name === "runsc") {
        await expect(running).rejects.toMatchObject({ details: { field: "userns" } });
        continue;
      }
      const id = await running;
      expect([runtime, await says(id, "touch /kept/mine; stat -c %u /kept /kept/mine")]).toEqual([
        ...[runtime, "0\n0"],
      ]);
      expect(await status(id)).toMatch(new RegExp(`^Uid:\\t${firstId(id)}\\t`, "m"));
    }
  });

  test.each<[what: string, change: Partial<ContainerConfig>, code: string]>([
    ["whose user is not mapped", { user: "70000" }, "INVALID_ARGUMENT"],
    [
      "without a root",
      { userns: { uids: [{ inside: 1, outside: 1, size: 1 }] } },
      "INVALID_ARGUMENT",
    ],
    ["with all privileges", { security: { privileged: true } }, "INVALID_ARGUMENT"],
    ["in this machine's network", { networks: "host" }, "INVALID_ARGUMENT"],
  ])("one %s is refused", async (_what, change, code) => {
    await expect(run(change)).rejects.toMatchObject({ code, details: { field: "userns" } });
    expect(await core.containers.list()).toEqual([]);
  });
});
