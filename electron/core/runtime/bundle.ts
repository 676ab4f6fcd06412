import { mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Paths, bundleDir } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { bootId } from "#core/host/proc";
import { removeTree } from "#core/host/remove-tree";
import { AppError } from "#shared/errors";
import { configFile, makeDirectories, rootfsDir, stateFile } from "./bundle-files.ts";
import type { BundlePlace } from "./bundle-place.ts";
import { exists } from "./process-dir.ts";
import type { BundleRef, CreateRequest, OciSpec } from "./runtime.ts";

const lowerSchema = z.union([
  z.object({
    type: z.enum(["directory", "erofs"]),
    path: z.string(),
    loop: z.boolean().optional(),
  }),
  // As it was written before there were layers.
  z.string().transform((path) => ({ type: "directory" as const, path })),
]);

/**
 * The directory handed to a runtime, after containerd's runtime/v2 bundle.go. In it:
 *
 *     config.json            the OCI spec
 *     state.json             TaskRecord: what a later manager needs and can't derive
 *     rootfs/                where the shim mounts the root file system, in its own namespace
 *     processes/init, EXEC   one directory per process
 */
const recordSchema = z.object({
  version: z.literal(1),
  runtime: z.string(),
  namespace: z.string(),
  id: z.string(),
  createdAt: z.number(),
  bootId: z.string(),
  rootfs: z.object({
    type: z.enum(["overlay", "bind"]),
    lower: z.array(lowerSchema),
    upper: z.string().optional(),
    work: z.string().optional(),
    idmap: z.object({ uids: z.string(), gids: z.string() }).optional(),
  }),
  terminal: z.boolean(),
  stdin: z.boolean(),
  logPath: z.string(),
  labels: z.record(z.string(), z.string()),
  /** Absolute, as in the spec's `linux.cgroupsPath`; absent where the container has no cgroup of its own. */
  cgroupsPath: z.string().optional(),
  /** Whose shim it shares; absent where the shim is its own. */
  shimGroup: z.string().optional(),
  /** It was restored from a checkpoint, and so never waits to be started. */
  restored: z.boolean(),
});

export type TaskRecord = z.infer<typeof recordSchema>;

export { removeTree };

interface BundleParts {
  /** Its config.json, where that is no container's on this Linux. */
  config?: object;
  place?: BundlePlace | undefined;
}

export class Bundle {
  readonly ref: BundleRef;
  readonly record: TaskRecord;
  #spec: Promise<OciSpec> | undefined;

  private constructor(ref: BundleRef, record: TaskRecord, spec?: OciSpec) {
    this.ref = ref;
    this.record = record;
    if (spec) this.#spec = Promise.resolve(spec);
  }

  get path(): string {
    return this.ref.path;
  }

  get rootfs(): string {
    return rootfsDir(this.path);
  }

  processDir(id: string): string {
    return join(this.path, "processes", id);
  }

  /** Read from disk once when an earlier manager made the bundle. */
  spec(): Promise<OciSpec> {
    this.#spec ??= readFile(join(this.path, "config.json"), "utf8").then(
      (text) => JSON.parse(text) as OciSpec,
      (error: unknown) => {
        this.#spec = undefined;
        throw AppError.wrap(error, `The spec of container "${this.ref.id}" can't be read`);
      },
    );
    return this.#spec;
  }

  /**
   * Makes the bundle and all that is in it, or begins to fill the `place` made for it. Rejects ALREADY_EXISTS when there is one;
   * anything made here is removed again on failure.
   */
  static async make(
    paths: Paths,
    runtimeId: string,
    request: CreateRequest,
    cgroupsPath: string | undefined,
    { config = linuxConfig(paths, request, cgroupsPath), place }: BundleParts = {},
  ): Promise<Bundle> {
    const { namespace, id } = request;
    const path = bundleDir(paths, namespace, id);
    const record: TaskRecord = {
      version: 1,
      runtime: runtimeId,
      namespace,
      id,
      createdAt: Date.now(),
      bootId: await bootId(),
      rootfs: request.rootfs,
      terminal: request.terminal,
      stdin: request.stdin,
      logPath: request.logPath,
      labels: request.labels,
      cgroupsPath,
      shimGroup: request.shimGroup,
      restored: request.checkpoint !== undefined,
    };
    const [spec, state] = [JSON.stringify(config), JSON.stringify(record)];
    if (place) place.fill(spec, state);
    else await makeWhole(path, id, spec, state);
    return new Bundle({ namespace, id, path }, record, config as OciSpec);
  }

  /** Reads a bundle an earlier manager left. Rejects DATA_LOSS when its state can't be understood. */
  static async open(ref: BundleRef): Promise<Bundle> {
    return new Bundle(ref, await readRecord(ref));
  }

  /** Removes it. Safe to repeat, and after a crash half-way: see `removeBundle`. */
  remove(privileges: Privileges): Promise<void> {
    return removeBundle(this.path, privileges);
  }
}

async function makeWhole(path: string, id: string, spec: string, state: string): Promise<void> {
  // Under a hidden name until it is whole: a manager killed half-way leaves nothing that is taken for a bundle.
  const making = hiddenNew(path);
  try {
    await mkdir(making, { recursive: true, mode: 0o711 });
    await Promise.all([
      makeDirectories(making),
      writeFile(join(making, configFile), spec, { mode: 0o600 }),
      writeFile(join(making, stateFile), state, { mode: 0o600 }),
    ]);
    await rename(making, path);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw bundleError(error, id);
  }
}

function linuxConfig(
  paths: Paths,
  { namespace, id, spec, terminal }: CreateRequest,
  cgroupsPath: string | undefined,
): OciSpec {
  return {
    ...spec,
    root: { ...spec.root, path: join(bundleDir(paths, namespace, id), "rootfs") },
    process: { ...spec.process, terminal },
    linux: { ...spec.linux, cgroupsPath },
  };
}

/**
 * The record alone, for who only needs to know which runtime a bundle belongs to. ABORTED when it had not been written
 * yet, nor been told of any process.
 */
export async function readRecord(ref: BundleRef): Promise<TaskRecord> {
  const path = join(ref.path, "state.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && !(await exists(join(ref.path, "processes", "init", "starttime")))) {
      throw new AppError("ABORTED", `The creation of container "${ref.id}" was cut short`);
    }
    throw damaged(ref, `${path} can't be read`, error);
  }
  let record: TaskRecord;
  try {
    record = recordSchema.parse(JSON.parse(text));
  } catch (error) {
    throw damaged(ref, `${path} is damaged`, error);
  }
  if (record.id !== ref.id || record.namespace !== ref.namespace) {
    throw damaged(ref, `${path} belongs to ${record.namespace}/${record.id}`);
  }
  return record;
}

function damaged(ref: BundleRef, what: string, cause?: unknown): AppError {
  return new AppError(
    "DATA_LOSS",
    `The state of container "${ref.id}" is lost: ${what}`,
    {
      subject: `container "${ref.id}"`,
      hint: "Discard the task: whatever of it still runs is ended. The container, its files and its log stay, and it can be started again.",
      output: cause instanceof Error ? cause.message : undefined,
    },
    cause,
  );
}

function bundleError(error: unknown, id: string): AppError {
  const { code } = error as NodeJS.ErrnoException;
  // rename(2) onto a directory that has something in it.
  if (code !== "EEXIST" && code !== "ENOTEMPTY") {
    return AppError.wrap(error, `The bundle of container "${id}" could not be made`);
  }
  return new AppError("ALREADY_EXISTS", `Container "${id}" already has a task`, {
    subject: `container "${id}"`,
    hint: "Stop it and delete the task first.",
  });
}

/** Hidden: a bundle that is being made or removed. A scan removes what is left of one. */
const hiddenPrefix = ".";

const hiddenNew = (path: string): string =>
  join(dirname(path), `${hiddenPrefix}${path.slice(dirname(path).length + 1)}.new`);

/**
 * Renames a bundle to a hidden name first, so that one half removed is never taken for a bundle, then
 * removes it. Idempotent.
 */
export async function removeBundle(path: string, privileges: Privileges): Promise<void> {
  const hidden = join(dirname(path), `${hiddenPrefix}${path.slice(dirname(path).length + 1)}`);
  try {
    await rename(path, hidden);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    // The remains of an earlier removal are in the way.
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw AppError.from(error);
    await removeTree(hidden, privileges);
    await rename(path, hidden);
  }
  await removeTree(hidden, privileges);
}

/** Every bundle under `root` (see tasksDir), removing what is no bundle: empty and half-removed directories. */
export async function scanBundles(root: string, privileges: Privileges): Promise<BundleRef[]> {
  const found: BundleRef[] = [];
  for (const namespace of await listDirectories(root)) {
    const dir = join(root, namespace);
    for (const id of await listDirectories(dir)) {
      const path = join(dir, id);
      if (id.startsWith(hiddenPrefix)) await removeTree(path, privileges);
      else if (!(await removeIfEmpty(path))) found.push({ namespace, id, path });
    }
  }
  return found;
}

async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await rmdir(path);
    return true;
  } catch {
    return false;
  }
}

async function listDirectories(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw AppError.wrap(error, `${path} can't be read`);
  }
}
