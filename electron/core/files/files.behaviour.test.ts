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
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import type { FileChange, FileEntry, FileSource } from "#shared/contract/files";
import { type Core, createCore } from "../core.ts";
import { containerDir, resolvePaths } from "../host/paths.ts";
import { choosePrivileges } from "../host/privileges.ts";
import { findBusybox } from "../images/starter.ts";
import { rememberHost, until } from "../runtime/testing.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;
let root: string;
let core: Core;
let imageId: string;

const paths = () => resolvePaths({}, 0, "/root", root);
const mounts = () => readFile("/proc/self/mountinfo", "utf8");

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "shimyard-files-"));
  await rememberHost(paths());
  core = await createCore({ paths: paths(), version: "0.0.0", kind: "test" });
  await core.ready;
  // The test of every runtime is to know them all.
  await until(() => !core.system.info.value.probing);
  imageId = (await core.images.ensureStarter()).id;
});

afterEach(async () => {
  for (const { id } of await core.containers.list()) await core.containers.delete(id, true);
});

afterAll(async () => {
  await core.close();
  expect(await mounts()).not.toContain(root);
  expect(await agents()).toEqual([]);
  await removeTree(root, choosePrivileges());
});

/** Processes that have our root in their arguments, as agents that mount do. */
async function agents(): Promise<string[]> {
  const found = await run("pgrep", ["-af", `files-agent.mjs`]).catch(() => ({ stdout: "" }));
  const own = [];
  for (const line of found.stdout.split("\n").filter(Boolean)) {
    const status = await readFile(`/proc/${line.split(" ")[0]}/status`, "utf8").catch(() => "");
    if (status.includes(`PPid:\t${process.pid}\n`)) own.push(line);
  }
  return own;
}

let count = 0;
async function container(
  script: string,
  start = true,
  more: Partial<ContainerConfig> = {},
): Promise<FileSource & { id: string }> {
  count += 1;
  const config: ContainerConfig = {
    ...{ name: `files-${count}`, imageId, args: ["sh", "-c", script], env: [], terminal: false },
    ...{ limits: {}, restart: { name: "no" }, labels: {}, ...more },
  };
  const { id } = await core.containers.create(config, start);
  return { kind: "container", id };
}

async function exec(id: string, script: string): Promise<void> {
  const result = await core.containers.exec(id, { args: ["sh", "-c", script] });
  expect(Buffer.from(result.stderr).toString()).toBe("");
  expect(result.exitCode).toBe(0);
}

async function list(source: FileSource, path: string): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for await (const page of core.files.list({ source, path }, { signal })) {
    entries.push(...page.put);
    if (page.complete) break;
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const named = async (source: FileSource, path: string, name: string) =>
  (await list(source, path)).find((entry) => entry.name === name);

const text = async (source: FileSource, path: string) =>
  (await core.files.readText({ source, path, limit: 1024 }, { signal })).text;

async function download(source: FileSource, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of core.files.download({ source, path }, { signal })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function upload(
  source: FileSource,
  directory: string,
  name: string,
  content: Uint8Array[],
  more: { overwrite?: boolean; size?: number } = {},
): Promise<FileEntry> {
  const size = more.size ?? content.reduce((sum, { length }) => sum + length, 0);
  const input = { source, directory, name, size, overwrite: more.overwrite ?? false };
  async function* up() {
    yield* content;
  }
  for await (const entry of core.files.upload(input, up(), { signal })) return entry;
  throw new Error("no entry came");
}

async function diff(source: FileSource): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for await (const page of core.files.diff({ source }, { signal })) changes.push(...page.changes);
  return changes;
}

const idle = "while :; do sleep 1; done";
const makes =
  "mkdir -p /data/sub && echo hello >/data/a && ln -s a /data/link && chmod 640 /data/a && " +
  "chown 7:8 /data/a && echo x >/data/sub/b && rm /etc/group && echo more >>/etc/passwd && " +
  "mkfifo /data/pipe && mkdir /data/empty && : >/data/empty/.hidden";

describe.each(["running", "stopped"])("a %s container", (state) => {
  const made = async (script = makes): Promise<FileSource & { id: string }> => {
    const source = await container(idle);
    await exec(source.id, script);
    if (state === "stopped") await core.containers.lifecycle.stop(source.id, 0);
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
    expect(await core.files.stat({ source, path: "/data/link" }, { signal })).toMatchObject({
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
    if (state === "stopped") await core.containers.lifecycle.start(source.id);
    await exec(source.id, "test $(wc -c </data/new) = 3000001");
  });

  test("directories are made, renamed and deleted, and nothing is overwritten by it", async () => {
    const source = await made();
    await core.files.makeDirectory({ source, path: "/data/made" }, { signal });
    await core.files.rename({ source, path: "/data/a", to: "/data/made/a" }, { signal });
    const onto = core.files.rename({ source, path: "/data/link", to: "/data/sub" }, { signal });
    await expect(onto).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await core.files.delete({ source, path: "/data/link" });
    await core.files.delete({ source, path: "/data/sub" });
    const names = (await list(source, "/data")).map(({ name }) => name);
    expect(names).toEqual(["empty", "made", "pipe"]);
    expect(await text(source, "/data/made/a")).toBe("hello\n");
    await expect(core.files.delete({ source, path: "/" })).rejects.toThrow("stays as it is");
  });

  test("names that are no UTF-8 keep their bytes", async () => {
    const source = await made(String.raw`mkdir /data && cd /data && : >"$(printf 'a\377b')"`);
    const [entry] = await list(source, "/data");
    expect(entry?.name).toBe("a\udcffb");
    await core.files.rename({ source, path: "/data/a\udcffb", to: "/data/\udc80" }, { signal });
    expect((await list(source, "/data")).map(({ name }) => name)).toEqual(["\udc80"]);
    await core.files.delete({ source, path: "/data/\udc80" });
    expect(await list(source, "/data")).toEqual([]);
  });

  test("goes to and comes from this machine, links as links", async () => {
    const source = await made(`mkdir /theirs && chown 7:8 /theirs && ${makes}`);
    const outside = await mkdtemp(join(tmpdir(), "shimyard-files-host-"));
    try {
      const to = { source, hostDirectory: outside, overwrite: false };
      expect(await core.files.copyToHost({ ...to, path: "/data" })).toEqual({
        path: join(outside, "data"),
      });
      expect(await readFile(join(outside, "data/sub/b"), "utf8")).toBe("x\n");
      expect(await readlink(join(outside, "data/link"))).toBe("a");
      expect((await readdir(join(outside, "data"))).sort()).toEqual(["a", "empty", "link", "sub"]);
      await expect(core.files.copyToHost({ ...to, path: "/data" })).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
      });
      await mkdir(join(outside, "in/deep"), { recursive: true });
      await writeFile(join(outside, "in/deep/file"), "from outside", { mode: 0o600 });
      await symlink("/etc/shadow", join(outside, "in/link"));
      const from = { source, directory: "/data", overwrite: false };
      await core.files.copyFromHost({ ...from, hostPath: join(outside, "in") });
      expect(await text(source, "/data/in/deep/file")).toBe("from outside");
      // A link in a directory is copied as one: never what it points to on this machine.
      expect(await named(source, "/data/in", "link")).toMatchObject({ target: "/etc/shadow" });
      // What is new is its directory's owner's: links too, and not what they point to.
      const theirs = { source, directory: "/theirs", overwrite: false };
      await core.files.copyFromHost({ ...theirs, hostPath: join(outside, "in") });
      expect(await list(source, "/theirs/in")).toMatchObject([
        { name: "deep", uid: 7, gid: 8 },
        { name: "link", uid: 7, gid: 8, type: "symlink" },
      ]);
      expect((await stat("/etc/shadow")).uid).toBe(0);
      await core.files.makeDirectory({ source, path: "/theirs/new" }, { signal });
      expect(await named(source, "/theirs", "new")).toMatchObject({ uid: 7, gid: 8, mode: 0o755 });
      const own = core.files.copyFromHost({ ...from, hostPath: root });
      await expect(own).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
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
    const secret = join(root, "secret");
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
  const source = (): FileSource => ({ kind: "image", id: imageId });

  test("is listed, read and downloaded, never changed", async () => {
    const names = (await list(source(), "/")).map(({ name }) => name);
    expect(names).toContain("bin");
    expect(await text(source(), "/etc/passwd")).toContain("root:");
    expect(
      await core.files.readText(
        { source: source(), path: "/bin/busybox", limit: 1024 },
        { signal },
      ),
    ).toMatchObject({ encoding: "binary", text: "", cut: true });
    const own = await readFile(await findBusybox());
    expect((await download(source(), "/bin/busybox")).equals(own)).toBe(true);
    await expect(upload(source(), "/", "x", [])).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await expect(core.files.delete({ source: source(), path: "/etc" })).rejects.toThrow(
      "never changed",
    );
  });
});

test("a container that swaps a directory with a link in a loop never leads out of it", async () => {
  const secret = join(root, "secret-directory");
  await mkdir(secret, { recursive: true });
  await writeFile(join(secret, "file"), "of the host");
  // Two names change places many hundred times a second: the directory, and a link with the host's path.
  const source = await container(
    `mkdir -p /race/dir /race/spare; echo inside >/race/dir/file; cd /race; ` +
      `while :; do mv dir spare/dir; ln -s ${secret} dir; rm dir; mv spare/dir dir; done`,
  );
  const seen = new Map<string, number>();
  const saw = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  for (let round = 0; round < 300; round += 1) {
    saw(await text(source, "/race/dir/file").catch(({ code }: { code: string }) => code));
    await upload(source, "/race/dir", `u${round}`, [Buffer.from("1")]).catch(() => undefined);
    for (const { name } of await list(source, "/race/dir").catch(() => [])) saw(name[0] as string);
    await download(source, "/race").catch(() => undefined);
    await core.files.delete({ source, path: "/race/dir/u0" }).catch(() => undefined);
  }
  expect([...seen.keys()].filter((what) => what.startsWith("of the host"))).toEqual([]);
  expect(seen.get("inside\n")).toBeGreaterThan(0);
  expect(await readdir(secret)).toEqual(["file"]);
});

test("a hundred thousand entries come in pages, and calls beside them are answered", async () => {
  // In memory: a disk needs half a minute for them.
  const source = await container(
    "cd /dev/shm && seq 1 100000 | xargs touch; echo done; sleep 1000",
  );
  await expect
    .poll(async () => (await core.logs.read({ id: source.id, from: 0, count: 1 })).lines.length, {
      timeout: 50_000,
    })
    .toBe(1);
  let pages = 0;
  let entries = 0;
  for await (const page of core.files.list({ source, path: "/dev/shm" }, { signal })) {
    pages += 1;
    entries += page.put.length;
    if (pages === 3) expect(await text(source, "/etc/hostname").catch(() => "")).toBeDefined();
    if (page.complete) break;
  }
  expect(entries).toBe(100_000);
  expect(pages).toBeGreaterThan(100);
});

test("a list follows what happens in its directory", async () => {
  const source = await container(idle);
  const pages = core.files.list({ source, path: "/tmp" }, { signal });
  expect((await pages.next()).value).toMatchObject({ put: [], complete: true });
  await exec(source.id, "echo 1 >/tmp/new");
  const seen = async (done: (page: { put: FileEntry[]; removed: string[] }) => boolean) => {
    for (;;) {
      const { value } = await pages.next();
      if (!value) throw new Error("the list ended");
      if (done(value)) return;
    }
  };
  await seen(({ put }) => put.some(({ name, change }) => name === "new" && change === "added"));
  await exec(source.id, "rm /tmp/new");
  await seen(({ removed }) => removed.includes("new"));
  await exec(source.id, "mkdir /tmp/gone");
  const gone = core.files.list({ source, path: "/tmp/gone" }, { signal });
  await gone.next();
  await exec(source.id, "rmdir /tmp/gone");
  await expect(gone.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
  // When the container ends there is nothing more to follow.
  await core.containers.lifecycle.stop(source.id, 0);
  await expect(seen(() => false)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect((await list(source, "/tmp")).length).toBe(0);
});

test("a container whose files are being looked at starts, stops and is deleted as any other", async () => {
  const source = await container(idle, false);
  await upload(source, "/tmp", "before", [Buffer.from("written while it was stopped")]);
  const stopped = core.files.list({ source, path: "/" }, { signal });
  await stopped.next();
  await core.containers.lifecycle.start(source.id);
  await expect(stopped.next()).rejects.toThrow("was started or has ended meanwhile");
  expect(await text(source, "/tmp/before")).toBe("written while it was stopped");
  const upper = join(containerDir(paths(), "default", source.id), "upper/tmp/before");
  expect(await readFile(upper, "utf8")).toBe("written while it was stopped");
  const running = core.files.list({ source, path: "/" }, { signal });
  await running.next();
  await core.containers.delete(source.id, true);
  await expect(running.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(text(source, "/tmp/before")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("every runtime's containers are seen while they run, but for what is in a sandbox", async () => {
  const usable = core.system.info.value.runtimes.filter((runtime) => runtime.usable.ok);
  expect(usable.length).toBeGreaterThan(0);
  for (const { id: runtime } of usable) {
    const source = await container(`echo here >/tmp/here; ${idle}`, true, { runtime });
    const name = async () => (await list(source, "/tmp")).map((entry) => entry.name);
    if (runtime === "oci/runsc") {
      await expect(name()).rejects.toMatchObject({
        ...{ code: "FAILED_PRECONDITION", message: "Its files can't be reached while it runs" },
      });
    } else await expect.poll(name).toEqual(["here"]);
    await core.containers.delete(source.id, true);
  }
});

test("the kernel's interfaces in a container are shown and read, and never written to", async () => {
  const source = await container(idle);
  expect(await text(source, "/proc/1/comm")).toBe("sh\n");
  expect(await named(source, "/dev", "null")).toMatchObject({ type: "char" });
  await expect(text(source, "/dev/zero")).rejects.toThrow("a device");
  await expect(
    upload(source, "/proc/sys/kernel", "hostname", [Buffer.from("x")], { overwrite: true }),
  ).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(core.files.delete({ source, path: "/proc" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
  });
  expect((await list(source, "/proc")).length).toBeGreaterThan(10);
});
