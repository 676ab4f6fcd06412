import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type ExtensionCandidate, ExtensionManifest } from "#shared/contract/extensions";
import { AppError } from "#shared/errors";
import { readRegularFile } from "../base/regular-file.ts";
import { runCommand } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import { copyDirectory, unpackTar } from "../images/unpack.ts";
import type { OperationContext } from "../operations/operation-service.ts";
import { removeTree } from "../snapshots/snapshotter.ts";

export const manifestName = "extension.json";
export const rootfsName = "rootfs";
/** Bytes; a manifest is a page of text. */
const maxManifest = 64 * 1024;
/** Milliseconds to look for the manifest in a tar, which may be the last thing in it. */
const scanTimeout = 10 * 60_000;

/**
 * Reads the manifest of an extension: a directory, a tar of one, or the manifest file itself. INVALID_ARGUMENT
 * (field `path`) when there is none or it can't be understood.
 */
export async function inspectPackage(
  path: string,
  options: { signal?: AbortSignal } = {},
): Promise<ExtensionCandidate & { text: string }> {
  const where = await locate(path);
  const text =
    where.kind === "tar" ? await readFromTar(path, options) : await readSmall(where.manifest);
  return { path, digest: digestOf(text), manifest: parseManifest(text, path), text };
}

/**
 * Fills an empty directory with the manifest and, where there is one, the root file system, of what
 * `inspectPackage` looked at. ABORTED when it is no longer that.
 */
export async function fillPackage(
  candidate: ExtensionCandidate & { text: string },
  target: string,
  privileges: Privileges,
  op: OperationContext,
): Promise<void> {
  const { path, digest, text } = candidate;
  const where = await locate(path);
  if (where.kind === "tar") {
    await unpackTar(path, target, privileges, op);
    if (digestOf(await readSmall(join(target, manifestName))) !== digest) throw changed(path);
    for (const name of await readdir(target)) {
      if (name !== manifestName && name !== rootfsName)
        await removeTree(join(target, name), privileges);
    }
  } else {
    await writeFile(join(target, manifestName), text, { mode: 0o600 });
    const rootfs = join(dirname(where.manifest), rootfsName);
    if (await isRealDirectory(rootfs)) {
      await mkdir(join(target, rootfsName), { mode: 0o755 });
      await copyDirectory(rootfs, join(target, rootfsName), privileges, op);
    }
  }
  const whole = await isRealDirectory(join(target, rootfsName));
  if (whole || candidate.manifest.image.kind !== "package") return;
  throw new AppError("INVALID_ARGUMENT", `${path} has no root file system in it`, {
    field: "path",
    hint: `Put it into "${rootfsName}" beside ${manifestName}, or let the manifest name an image.`,
  });
}

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

export function changed(path: string): AppError {
  return new AppError("ABORTED", `The manifest in ${path} was changed meanwhile`, {
    field: "path",
    hint: "Look at what it asks for again.",
  });
}

/** INVALID_ARGUMENT, with all that is wrong in `output`. */
export function parseManifest(text: string, path: string): ExtensionManifest {
  const fail = (what: string, output?: string): AppError =>
    new AppError("INVALID_ARGUMENT", `${path}: ${what}`, { field: "path", output });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fail(`its ${manifestName} is not JSON`, AppError.from(error).message);
  }
  const parsed = ExtensionManifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  const at = first && first.path.length > 0 ? `"${first.path.join(".")}": ` : "";
  throw fail(
    `its ${manifestName} can't be used: ${at}${first?.message ?? "it is not a manifest"}`,
    z.prettifyError(parsed.error),
  );
}

/**
 * False for a symbolic link: it could make any directory of this machine the container's root, and no archive may
 * decide that.
 */
async function isRealDirectory(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return false;
  if (found.isDirectory()) return true;
  throw new AppError("INVALID_ARGUMENT", `"${rootfsName}" of the extension is not a directory`, {
    field: "path",
  });
}

type Place = { kind: "tar" } | { kind: "directory"; manifest: string };

async function locate(path: string): Promise<Place> {
  const found = await stat(path).catch((error: unknown) => {
    throw AppError.wrap(error, `${path} can't be read`, { field: "path" });
  });
  if (found.isDirectory()) return { kind: "directory", manifest: join(path, manifestName) };
  if (found.isFile()) {
    return path.endsWith(".json") ? { kind: "directory", manifest: path } : { kind: "tar" };
  }
  throw new AppError("INVALID_ARGUMENT", `${path} is neither a directory nor a file`, {
    field: "path",
  });
}

async function readSmall(path: string): Promise<string> {
  return readRegularFile(path, maxManifest).catch((error: unknown) => {
    // What is no file, or too long for a manifest, is none either.
    if (error instanceof AppError || (error as NodeJS.ErrnoException).code === "ENOENT") {
      throw noManifest(dirname(path));
    }
    throw AppError.wrap(error, `${path} can't be read`, { field: "path" });
  });
}

/** Members are called `./extension.json` or `extension.json`, by how the tar was made. */
async function readFromTar(path: string, options: { signal?: AbortSignal }): Promise<string> {
  for (const member of [`./${manifestName}`, manifestName]) {
    const argv = ["tar", "--extract", "--to-stdout", "--force-local", "--occurrence=1"];
    const { code, stdout, truncated } = await runCommand([...argv, "--file", path, "--", member], {
      ...options,
      ...{ timeout: scanTimeout, maxOutput: maxManifest },
    });
    if (code === 0 && stdout.length > 0 && !truncated) return stdout.toString("utf8");
  }
  throw noManifest(path);
}

function noManifest(path: string): AppError {
  return new AppError("INVALID_ARGUMENT", `There is no ${manifestName} in ${path}`, {
    field: "path",
    hint: `An extension is a directory or a tar with ${manifestName} at its top.`,
  });
}
