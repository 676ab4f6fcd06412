import { type FileHandle, readdir, readFile, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { AppError } from "#shared/errors";
import { mustRun } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { compressionOf, openFile } from "./layer-file.ts";

/** A day is enough for the biggest. In C, tools say errors in the words that are known here. */
const long = { timeout: 24 * 3600 * 1000, env: { ...process.env, LC_ALL: "C" } };

/**
 * Argv of what writes files, as root of a container sees them: it ends with us (prctl(2), PR_SET_PDEATHSIG), or it
 * would go on filling the disk after this manager was killed, while the next one removes what it made.
 */
const writer = (privileges: Privileges, argv: string[]): string[] =>
  privileges.asRoot(["setpriv", "--pdeathsig", "KILL", "--", ...argv]);

/** How often progress is looked at, milliseconds. */
const progressInterval = 250;

/**
 * Unpacks a root file system tar into an existing empty directory, in a child process: GNU tar drops
 * a leading `/`, refuses members with `..`, and makes symbolic links that lead out only at the end, so
 * that nothing is written through them. Devices are left out (a container gets its own /dev), and
 * so are overlayfs's own xattrs, with which an archive could pretend to be part of an overlay.
 */
export async function unpackTar(
  path: string,
  rootfs: string,
  privileges: Privileges,
  op: OperationContext,
): Promise<void> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    // It reads at a position, so that the child begins at the start.
    const compression = await compressionOf(file);
    const argv = [
      "tar",
      "--extract",
      "--file=-",
      ...(compression ? [`--use-compress-program=${compression.program}`] : []),
      `--directory=${rootfs}`,
      "--numeric-owner",
      "--same-owner",
      "--preserve-permissions",
      "--delay-directory-restore",
      "--xattrs",
      "--xattrs-include=*",
      "--xattrs-exclude=trusted.overlay.*",
      "--xattrs-exclude=user.overlay.*",
      "--warning=no-timestamp",
      "--warning=no-unknown-keyword",
      "--anchored",
      "--exclude=./dev/*",
      "--exclude=dev/*",
    ];
    // The child reads through our open file, so the kernel's position in it is how far it has come.
    const timer = setInterval(() => {
      void positionOf(file).then((position) => {
        if (size > 0) op.progress(position / size);
        op.detail(`${mebibytes(position)} of ${mebibytes(size)} MiB`);
      });
    }, progressInterval);
    try {
      await mustRun(writer(privileges, argv), { ...long, signal: op.signal, stdin: file.fd });
    } finally {
      clearInterval(timer);
    }
  } catch (error) {
    const inner = AppError.from(error);
    if (inner.code === "CANCELLED" || inner.code === "RESOURCE_EXHAUSTED") throw inner;
    if (!inner.details.output) throw inner;
    throw new AppError(
      inner.code === "PERMISSION_DENIED" ? inner.code : "INVALID_ARGUMENT",
      `${path} could not be unpacked`,
      { ...inner.details, hint: "It must be a tar of a root file system, plain or compressed." },
      error,
    );
  } finally {
    await file.close();
  }
  const names = await readdir(rootfs);
  if (names.length === 0) {
    throw new AppError("INVALID_ARGUMENT", `${path} has no files in it`, { field: "path" });
  }
  if (names.includes("manifest.json") || names.includes("oci-layout")) {
    throw new AppError("INVALID_ARGUMENT", `${path} is an image archive, not a root file system`, {
      field: "path",
      hint: "Make one with: docker export CONTAINER > rootfs.tar",
    });
  }
}

/** Copies a directory that holds a root file system; shares its blocks where the file system can. */
export async function copyDirectory(
  path: string,
  rootfs: string,
  privileges: Privileges,
  op: OperationContext,
): Promise<void> {
  const source = await realpath(path).catch((error: unknown) => {
    throw AppError.wrap(error, `${path} can't be read`, { field: "path" });
  });
  if (!(await stat(source)).isDirectory()) {
    throw new AppError("INVALID_ARGUMENT", `${path} is not a directory`, { field: "path" });
  }
  if (`${await realpath(rootfs)}${sep}`.startsWith(source === sep ? sep : `${source}${sep}`)) {
    throw new AppError("INVALID_ARGUMENT", `${path} contains Shimyard's own files`, {
      field: "path",
      hint: "Copy what the image should have to a directory of its own first.",
    });
  }
  op.detail("Counting files");
  const total = await countFiles(source, privileges, op.signal);
  let done = 0;
  let shown = 0;
  await mustRun(
    writer(privileges, [
      ...["cp", "--archive", "--reflink=auto", "--one-file-system", "--verbose", "--"],
      ...[`${source}/.`, rootfs],
    ]),
    {
      ...long,
      signal: op.signal,
      // One line a file; a name with a newline counts twice, which progress can bear.
      onStdout: (chunk) => {
        for (const byte of chunk) if (byte === 10) done += 1;
        if (Date.now() - shown < progressInterval) return;
        shown = Date.now();
        op.progress(done / Math.max(1, total));
        op.detail(`${done} of ${total} files`);
      },
    },
  ).catch((error: unknown) => {
    throw AppError.wrap(error, `${path} could not be copied`);
  });
}

/** Bytes on disk and files of a tree, counted by a child process. */
export async function measure(
  path: string,
  privileges: Privileges,
  options: { signal?: AbortSignal } = {},
): Promise<{ size: number; files: number }> {
  const du = await mustRun(privileges.asRoot(["du", "--summarize", "--block-size=1", "--", path]), {
    ...long,
    ...options,
  });
  return {
    size: Number.parseInt(du, 10),
    files: await countFiles(path, privileges, options.signal),
  };
}

async function countFiles(
  path: string,
  privileges: Privileges,
  signal: AbortSignal | undefined,
): Promise<number> {
  const argv = privileges.asRoot(["du", "--summarize", "--inodes", "--", path]);
  return Number.parseInt(await mustRun(argv, { ...long, ...(signal ? { signal } : {}) }), 10);
}

async function positionOf(file: FileHandle): Promise<number> {
  const info = await readFile(`/proc/self/fdinfo/${file.fd}`, "utf8").catch(() => "");
  return Number(/^pos:\s*(\d+)/m.exec(info)?.[1] ?? 0);
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);
