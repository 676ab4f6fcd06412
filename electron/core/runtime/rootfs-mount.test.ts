import { expect, test } from "vitest";
import { mountArgs, mountCommand } from "./rootfs-mount.ts";
import type { Lower, RootfsMount } from "./runtime.ts";

const directory = (path: string): Lower => ({ type: "directory", path });
const erofs = (path: string): Lower => ({ type: "erofs", path });
const overlay = (...lower: Lower[]): RootfsMount => ({
  ...{ type: "overlay", lower, upper: "/c/upper", work: "/c/work" },
});
const options = { busybox: "/bin/busybox", rootless: false };

test("directories are one mount, however it is asked for", () => {
  const mount = overlay(directory("/b"), directory("/a"));
  const words = [
    ...["-t", "overlay", "-o", "lowerdir=/b:/a,upperdir=/c/upper,workdir=/c/work", "overlay"],
  ];
  expect(mountCommand(mount, "/t", options)).toEqual(["/bin/busybox", "mount", ...words, "/t"]);
  const argv = mountArgs(mount, "/t", options, ["true"]);
  expect(argv.slice(-8)).toEqual(["/bin/busybox", ...words, "/t", "true"]);
  expect(mountArgs(mount, "/t", { ...options, rootless: true }, []).join(" ")).toContain(
    "userxattr",
  );
});

test("EROFS layers, and directories too many for a page of options, are lines of a table", () => {
  const many = Array.from({ length: 127 }, (_, at) => directory(`/layers/${"x".repeat(60)}${at}`));
  for (const mount of [overlay(erofs("/b c"), directory("/a")), overlay(...many)]) {
    const words = mountCommand(mount, "/t", options);
    const lines = words.slice(words.indexOf("/t") + 1);
    expect(lines).toHaveLength(mount.lower.length + 1);
    const names = mount.lower.map((_, at) => at).join(":");
    expect(lines.at(-1)).toBe(
      `overlay /t overlay lowerdir=${names},upperdir=/c/upper,workdir=/c/work 0 0`,
    );
    // A shim that was started ahead takes a word a line.
    expect(words.filter((word) => word.includes("\n"))).toEqual([]);
  }
  expect(mountCommand(overlay(erofs("/b c")), "/t", options)).toContain(
    "/b\\040c 0 erofs,erofs ro,X-mount.mkdir 0 0",
  );
  const shared = { ...erofs("/b c"), loop: true };
  expect(mountCommand(overlay(shared), "/t", options)).toContain(
    "/b\\040c 0 erofs ro,loop,X-mount.mkdir 0 0",
  );
});

test("mount(8) of util-linux, which may be told all options at once, is told so", () => {
  const many = Array.from({ length: 127 }, (_, at) => directory(`/layers/${"x".repeat(60)}${at}`));
  const once = "LIBMOUNT_FORCE_MOUNT2=always";
  expect(mountCommand(overlay(...many), "/t", options)[3]).toContain(`${once} /bin/mount --all`);
  const unhelped = { busybox: undefined, rootless: true };
  const [shell, , script] = mountArgs(overlay(directory("/a")), "/t", unhelped, ["true"]);
  expect([shell, script]).toEqual(["sh", expect.stringMatching(`^${once} mount `)]);
});

test("one layer to be looked at needs no overlay", () => {
  const only = (lower: Lower): RootfsMount => ({ type: "overlay", lower: [lower] });
  expect(mountCommand(only(directory("/a")), "/t", options)).toEqual([
    ...["/bin/busybox", "mount", "--bind", "/a", "/t"],
  ]);
  expect(mountCommand(only(erofs("/a")), "/t", options).at(-1)).toBe(
    "/a /t erofs,erofs ro,X-mount.mkdir 0 0",
  );
});

test("what a user namespace is to see is mounted by one program, a word a line", () => {
  const idmap = { uids: "0 1000 5", gids: "0 2000 5" };
  const words = mountCommand({ ...overlay(erofs("/b c"), directory("/a")), idmap }, "/t", options);
  expect(words.filter((word) => /\n|NR_|undefined/.test(word))).toEqual([]);
  expect(words.slice(3)).toEqual([
    ...["0 1000 5", "0 2000 5", "/t", "/c"],
    "lowerdir=0:1,upperdir=/c/upper,workdir=/c/work",
    ...["erofs:/b c", "directory:/a"],
  ]);
  const shared = { ...overlay({ ...erofs("/b c"), loop: true }), idmap };
  expect(mountCommand(shared, "/t", options).at(-1)).toBe("loop:/b c");
  const binds = [{ source: "/of:it", place: "/c/mounts/0" }];
  const more = { ...overlay(directory("/a")), idmap: { ...idmap, binds } };
  expect(mountCommand(more, "/t", options).at(-1)).toBe("bind:/c/mounts/0:/of:it");
  expect(mountArgs({ ...overlay(directory("/a")), idmap }, "/t", options, ["run"]).at(-1)).toBe(
    "run",
  );
});

test.each(["/a:b", "/a,b", "/a\nb", "/a\\b"])(
  "refuses a path that mount can't be told: %j",
  (path) => {
    expect(() => mountCommand(overlay(directory(path)), "/t", options)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  },
);
