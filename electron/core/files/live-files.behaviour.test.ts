import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FileEntry } from "#shared/contract/files";
import { containerDir } from "../host/paths.ts";
import { idle, useFiles } from "./testing.ts";

const { own, signal, container, exec, list, named, text, download, upload } = useFiles();

test("a container that swaps a directory with a link in a loop never leads out of it", async () => {
  const secret = join(own.dir, "secret-directory");
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
    await own.core.files.delete({ source, path: "/race/dir/u0" }).catch(() => undefined);
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
    .poll(
      async () => (await own.core.logs.read({ id: source.id, from: 0, count: 1 })).lines.length,
      {
        timeout: 50_000,
      },
    )
    .toBe(1);
  let pages = 0;
  let entries = 0;
  for await (const page of own.core.files.list({ source, path: "/dev/shm" }, { signal })) {
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
  const pages = own.core.files.list({ source, path: "/tmp" }, { signal });
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
  const gone = own.core.files.list({ source, path: "/tmp/gone" }, { signal });
  await gone.next();
  await exec(source.id, "rmdir /tmp/gone");
  await expect(gone.next()).rejects.toMatchObject({ code: "NOT_FOUND" });
  // When the container ends there is nothing more to follow.
  await own.core.containers.lifecycle.stop(source.id, 0);
  await expect(seen(() => false)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect((await list(source, "/tmp")).length).toBe(0);
});

test("a container whose files are being looked at starts, stops and is deleted as any other", async () => {
  const source = await container(idle, false);
  await upload(source, "/tmp", "before", [Buffer.from("written while it was stopped")]);
  const stopped = own.core.files.list({ source, path: "/" }, { signal });
  await stopped.next();
  await own.core.containers.lifecycle.start(source.id);
  await expect(stopped.next()).rejects.toThrow("was started or has ended meanwhile");
  expect(await text(source, "/tmp/before")).toBe("written while it was stopped");
  const upper = join(containerDir(own.paths, "default", source.id), "upper/tmp/before");
  expect(await readFile(upper, "utf8")).toBe("written while it was stopped");
  const running = own.core.files.list({ source, path: "/" }, { signal });
  await running.next();
  await own.core.containers.delete(source.id, true);
  await expect(running.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(text(source, "/tmp/before")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("every runtime's containers are seen while they run, but for what is in a sandbox", async () => {
  const usable = own.core.system.info.value.runtimes.filter((runtime) => runtime.usable.ok);
  expect(usable.length).toBeGreaterThan(0);
  for (const { id: runtime } of usable) {
    const source = await container(`echo here >/tmp/here; ${idle}`, true, { runtime });
    const name = async () => (await list(source, "/tmp")).map((entry) => entry.name);
    if (runtime === "oci/runsc") {
      await expect(name()).rejects.toMatchObject({
        ...{ code: "FAILED_PRECONDITION", message: "Its files can't be reached while it runs" },
      });
    } else await expect.poll(name).toEqual(["here"]);
    await own.core.containers.delete(source.id, true);
  }
});

test("what is mounted in a directory is neither deleted nor copied with it, of whatever file system it is", async () => {
  const [data, inner] = ["mounted-data", "mounted-inner"].map((name) => join(own.dir, name)) as [
    string,
    string,
  ];
  await mkdir(join(data, "old/mine"), { recursive: true });
  await writeFile(join(data, "old/log"), "1");
  await mkdir(inner, { recursive: true });
  await writeFile(join(inner, "kept"), "of the host");
  const source = await container(idle, true, {
    mounts: [
      { type: "bind", source: data, target: "/data", readOnly: false },
      { type: "bind", source: inner, target: "/data/old/mine", readOnly: false },
    ],
  });
  expect((await download(source, "/data/old")).includes("of the host")).toBe(false);
  const hostDirectory = join(own.dir, "mounted-copy");
  await mkdir(hostDirectory, { recursive: true });
  await own.core.files.copyToHost({ source, path: "/data/old", hostDirectory, overwrite: false });
  expect(await readdir(join(hostDirectory, "old"))).toEqual(["log"]);
  await expect(own.core.files.delete({ source, path: "/data/old" })).rejects.toThrow("mounted");
  expect(await readdir(inner)).toEqual(["kept"]);
  // What is mounted itself is there to be downloaded, and to be copied.
  expect((await download(source, "/data/old/mine")).includes("of the host")).toBe(true);
});

test("the kernel's interfaces in a container are shown and read, and never written to", async () => {
  const source = await container(idle);
  expect(await text(source, "/proc/1/comm")).toBe("sh\n");
  expect(await named(source, "/dev", "null")).toMatchObject({ type: "char" });
  await expect(text(source, "/dev/zero")).rejects.toThrow("a device");
  await expect(
    upload(source, "/proc/sys/kernel", "hostname", [Buffer.from("x")], { overwrite: true }),
  ).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  await expect(own.core.files.delete({ source, path: "/proc" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
  });
  expect((await list(source, "/proc")).length).toBeGreaterThan(10);
});
