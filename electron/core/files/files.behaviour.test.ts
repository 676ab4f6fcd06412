import { execFile } from "node:child_process";
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { FileSource } from "#shared/contract/files";
import { findBusybox } from "../images/starter.ts";
import { idle, useFiles } from "./testing.ts";

const run = promisify(execFile);
const { own, signal, container, exec, list, named, text, download, upload, diff } = useFiles();

const makes =
  "mkdir -p /data/sub && echo hello >/data/a && ln -s a /data/link && chmod 640 /data/a && " +
  "chown 7:8 /data/a && echo x >/data/sub/b && rm /etc/group && echo more >>/etc/passwd && " +
  "mkfifo /data/pipe && mkdir /data/empty && : >/data/empty/.hidden";

describe.each(["running", "stopped"])("a %s container", (state) => {
  const made = async (script = makes): Promise<FileSource & { id: string }> => {
    const source = await container(idle);
    await exec(source.id, script);
    if (state === "stopped") await own.core.containers.lifecycle.stop(source.id, 0);
    return source;
  };

  test("is listed, with owners, links and what it changed, and read", async () => {
    const source = await made();
    expect((await list(source, "/data")).map(({ name, type }) => [name, type])).toEqual([
      ["a", "file"],
      ["empty", "directory"],
      ["link", "symlink"],
      ["pipe", "fifo"],
      ["sub", "directory"],
    ]);
    expect(await named(source, "/data", "a")).toMatchObject({
      ...{ size: 6, mode: 0o640, uid: 7, gid: 8, change: "added" },
    });
    expect(await named(source, "/data", "link")).toMatchObject({ target: "a", targetType: "file" });
    expect(await named(source, "/etc", "passwd")).toMatchObject({
      ...{ user: "root", change: "modified" },
    });
    expect(await named(source, "/", "bin")).not.toHaveProperty("change");
    expect(await text(source, "/data/link")).toBe("hello\n");
    expect(await own.core.files.stat({ source, path: "/data/link" }, { signal })).toMatchObject({
      ...{ name: "link", type: "symlink" },
    });
    await expect(text(source, "/data/pipe")).rejects.toMatchObject({
      ...{ code: "FAILED_PRECONDITION", message: expect.stringContaining("named pipe") },
    });
    await expect(text(source, "/data/none")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(list(source, "/data/a")).rejects.toThrow("it is not a directory");
  });

  test("differs from its image in what it added, changed and deleted", async () => {
    const source = await made();
    expect(await diff(source)).toEqual([
      { path: "/data", change: "added", type: "directory", size: 0 },
      { path: "/data/a", change: "added", type: "file", size: 6 },
      { path: "/data/empty", change: "added", type: "directory", size: 0 },
      { path: "/data/empty/.hidden", change: "added", type: "file", size: 0 },
      { path: "/data/link", change: "added", type: "symlink", size: 1 },
      { path: "/data/pipe", change: "added", type: "fifo", size: 0 },
      { path: "/data/sub", change: "added", type: "directory", size: 0 },
      { path: "/data/sub/b", change: "added", type: "file", size: 2 },
      { path: "/etc/group", change: "deleted", type: "file", size: expect.any(Number) },
      { path: "/etc/passwd", change: "modified", type: "file", size: expect.any(Number) },
    ]);
  });

  test("a directory that was made anew hides all that the image had in it", async () => {
    const source = await made("rm -r /var && mkdir /var && echo own >/var/own");
    const changes = await diff(source);
    expect(changes).toContainEqual({ path: "/var/own", change: "added", type: "file", size: 4 });
    expect(changes.filter(({ change }) => change === "deleted").length).toBeGreaterThan(0);
    expect((await list(source, "/var")).map(({ name }) => name)).toEqual(["own"]);
  });

  test("takes uploads whole or not at all, and keeps owner and mode of what they replace", async () => {
    const source = await made();
    const bytes = Buffer.alloc(3_000_001, "0123456789abcdef");
    const chunks = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)];
    expect(await upload(source, "/data", "new", chunks)).toMatchObject({
      ...{ name: "new", size: bytes.length, uid: 0, gid: 0, mode: 0o644, change: "added" },
    });
    expect((await download(source, "/data/new")).equals(bytes)).toBe(true);
    await expect(upload(source, "/data", "a", [bytes])).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    expect(await upload(source, "/data", "a", [bytes], { overwrite: true })).toMatchObject({
      ...{ size: bytes.length, uid: 7, gid: 8, mode: 0o640 },
    });
    const cut = upload(source, "/data", "b", [bytes], { size: bytes.length + 1 });
    await expect(cut).rejects.toMatchObject({ code: "DATA_LOSS" });
    const names = (await list(source, "/data")).map(({ name }) => name);
    expect(names).toEqual(["a", "empty", "link", "new", "pipe", "sub"]);
    // What replaces a link is no longer one, and what it pointed to stays.
    await upload(source, "/data", "link", [Buffer.from("own")], { overwrite: true });
    expect(await named(source, "/data", "link")).toMatchObject({ type: "file", size: 3 });
    expect((await download(source, "/data/a")).length).toBe(bytes.length);
    if (state === "stopped") await own.core.containers.lifecycle.start(source.id);
    await exec(source.id, "test $(wc -c </data/new) = 3000001");
  });

  test("directories are made, renamed and deleted, and nothing is overwritten by it", async () => {
    const source = await made();
    await own.core.files.makeDirectory({ source, path: "/data/made" }, { signal });
    await own.core.files.rename({ source, path: "/data/a", to: "/data/made/a" }, { signal });
    const onto = own.core.files.rename({ source, path: "/data/link", to: "/data/sub" }, { signal });
    await expect(onto).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await own.core.files.delete({ source, path: "/data/link" });
    await own.core.files.delete({ source, path: "/data/sub" });
    const names = (await list(source, "/data")).map(({ name }) => name);
    expect(names).toEqual(["empty", "made", "pipe"]);
    expect(await text(source, "/data/made/a")).toBe("hello\n");
    await expect(own.core.files.delete({ source, path: "/" })).rejects.toThrow("stays as it is");
  });

  test("names that are no UTF-8 keep their bytes", async () => {
    const source = await made(String.raw`mkdir /data && cd /data && : >"$(printf 'a\377b')"`);
    const [entry] = await list(source, "/data");
    expect(entry?.name).toBe("a\udcffb");
    await own.core.files.rename({ source, path: "/data/a\udcffb", to: "/data/\udc80" }, { signal });
    expect((await list(source, "/data")).map(({ name }) => name)).toEqual(["\udc80"]);
    await own.core.files.delete({ source, path: "/data/\udc80" });
    expect(await list(source, "/data")).toEqual([]);
  });

  test("goes to and comes from this machine, links as links", async () => {
    const source = await made(`mkdir /theirs && chown 7:8 /theirs && ${makes}`);
    const outside = await mkdtemp(join(tmpdir(), "shimyard-files-host-"));
    try {
      const to = { source, hostDirectory: outside, overwrite: false };
      expect(await own.core.files.copyToHost({ ...to, path: "/data" })).toEqual({
        path: join(outside, "data"),
      });
      expect(await readFile(join(outside, "data/sub/b"), "utf8")).toBe("x\n");
      expect(await readlink(join(outside, "data/link"))).toBe("a");
      expect((await readdir(join(outside, "data"))).sort()).toEqual(["a", "empty", "link", "sub"]);
      await expect(own.core.files.copyToHost({ ...to, path: "/data" })).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
      });
      await mkdir(join(outside, "in/deep"), { recursive: true });
      await writeFile(join(outside, "in/deep/file"), "from outside", { mode: 0o600 });
      await symlink("/etc/shadow", join(outside, "in/link"));
      const from = { source, directory: "/data", overwrite: false };
      await own.core.files.copyFromHost({ ...from, hostPath: join(outside, "in") });
      expect(await text(source, "/data/in/deep/file")).toBe("from outside");
      // A link in a directory is copied as one: never what it points to on this machine.
      expect(await named(source, "/data/in", "link")).toMatchObject({ target: "/etc/shadow" });
      // What is new is its directory's owner's: links too, and not what they point to.
      const theirs = { source, directory: "/theirs", overwrite: false };
      await own.core.files.copyFromHost({ ...theirs, hostPath: join(outside, "in") });
      expect(await list(source, "/theirs/in")).toMatchObject([
        { name: "deep", uid: 7, gid: 8 },
        { name: "link", uid: 7, gid: 8, type: "symlink" },
      ]);
      expect((await stat("/etc/shadow")).uid).toBe(0);
      await own.core.files.makeDirectory({ source, path: "/theirs/new" }, { signal });
      expect(await named(source, "/theirs", "new")).toMatchObject({ uid: 7, gid: 8, mode: 0o755 });
      const inside = own.core.files.copyFromHost({ ...from, hostPath: join(own.dir, "root") });
      await expect(inside).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  test("a directory comes as an archive that tar takes", async () => {
    const long = "n".repeat(180);
    const source = await made(`${makes} && echo long >/data/sub/${long}`);
    const archive = await download(source, "/data");
    const place = await mkdtemp(join(tmpdir(), "shimyard-files-tar-"));
    try {
      await writeFile(join(place, "tar"), archive);
      await run("tar", ["-xf", join(place, "tar"), "-C", place]);
      expect(await readFile(join(place, "data/a"), "utf8")).toBe("hello\n");
      expect(await readFile(join(place, "data/sub", long), "utf8")).toBe("long\n");
      expect(await readlink(join(place, "data/link"))).toBe("a");
      expect((await readdir(join(place, "data"))).sort()).toEqual(["a", "empty", "link", "sub"]);
      const listed = await run("tar", ["--numeric-owner", "-tvf", join(place, "tar"), "data/a"]);
      expect(listed.stdout).toMatch(/^-rw-r----- 7\/8 /);
    } finally {
      await rm(place, { recursive: true });
    }
  });

  test("no link leads out: absolute, upwards, through /proc", async () => {
    const secret = join(own.dir, "secret");
    await writeFile(secret, "of the host");
    const up = "../".repeat(40);
    const source = await made(
      `mkdir /data && cd /data && ln -s ${secret} absolute && ln -s ${up}${secret.slice(1)} up && ` +
        `ln -s / top && ln -s ${up} above && ln -s /proc/self/root magic && ln -s /proc/1/root init && ` +
        "ln -s loop loop",
    );
    for (const path of ["/data/absolute", "/data/up", `/${up}${secret}`]) {
      await expect(text(source, path)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    for (const path of ["/data/top", "/data/above", "/../..", "/data/top/data/.."]) {
      expect((await list(source, path)).map(({ name }) => name)).toContain("data");
    }
    for (const path of ["/data/init", `/data/init${secret}`, "/data/loop"]) {
      await expect(list(source, path)).rejects.toMatchObject({
        // Nothing is mounted at /proc in a stopped one.
        code: state === "stopped" && !path.endsWith("loop") ? "NOT_FOUND" : "FAILED_PRECONDITION",
      });
    }
    // Who looks has no number in the container's /proc.
    await expect(list(source, "/data/magic")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(upload(source, "/data/magic/tmp", "x", [])).rejects.toThrow();
    await upload(source, "/data/above/tmp", "inside", [Buffer.from("1")]);
    expect(await text(source, "/tmp/inside")).toBe("1");
  });
});

describe("an image", () => {
  const source = (): FileSource => ({ kind: "image", id: own.imageId });

  test("is listed, read and downloaded, never changed", async () => {
    const names = (await list(source(), "/")).map(({ name }) => name);
    expect(names).toContain("bin");
    expect(await text(source(), "/etc/passwd")).toContain("root:");
    expect(
      await own.core.files.readText(
        { source: source(), path: "/bin/busybox", limit: 1024 },
        { signal },
      ),
    ).toMatchObject({ encoding: "binary", text: "", cut: true });
    const busybox = await readFile(await findBusybox());
    expect((await download(source(), "/bin/busybox")).equals(busybox)).toBe(true);
    await expect(upload(source(), "/", "x", [])).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await expect(own.core.files.delete({ source: source(), path: "/etc" })).rejects.toThrow(
      "never changed",
    );
  });
});
