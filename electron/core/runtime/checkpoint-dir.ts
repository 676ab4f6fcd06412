import { mkdir, readFile, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AppError } from "#shared/errors";
import { writeAtomically } from "#core/base/write-atomically";
import { criuError, criuWork } from "./oci/checkpoint.ts";
import type { CheckpointRecord, CheckpointRequest, Task } from "./runtime.ts";

/**
 * Checkpoints on disk, after containerd 0.2's: of DIRECTORY/NAME, `image` holds criu's files, `work` its logs, and
 * checkpoint.json says of which container they are. It is written last: without it a checkpoint is not whole.
 */
const fileSchema = z.object({
  version: z.literal(1),
  namespace: z.string(),
  id: z.string(),
  runtime: z.string(),
  createdAt: z.number(),
  options: z.object({
    leaveRunning: z.boolean(),
    tcpEstablished: z.boolean(),
    fileLocks: z.boolean(),
    externalUnixSockets: z.boolean(),
  }),
});

const fileName = "checkpoint.json";

type Owner = Pick<Task, "namespace" | "id" | "runtime">;

/** `dump` writes criu's images into `request.path`, its logs beside them into `work`; both are removed on failure. */
export async function dumpInto(
  request: CheckpointRequest,
  context: string,
  dump: (work: string) => Promise<void>,
): Promise<void> {
  const work = criuWork(request.path);
  const dirs = [request.path, work];
  await Promise.all(dirs.map((dir) => mkdir(dir, { recursive: true, mode: 0o700 })));
  try {
    await dump(work);
  } catch (error) {
    const failure = await criuError(error, context, join(work, "dump.log"));
    await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })));
    throw failure;
  }
}

/** Once the images at `request.path` are whole. */
export async function recordCheckpoint(owner: Owner, request: CheckpointRequest): Promise<void> {
  const { namespace, id, runtime } = owner;
  const { leaveRunning, tcpEstablished, fileLocks, externalUnixSockets } = request;
  const file: z.infer<typeof fileSchema> = {
    ...{ version: 1, namespace, id, runtime, createdAt: Date.now() },
    options: { leaveRunning, tcpEstablished, fileLocks, externalUnixSockets },
  };
  await writeAtomically(join(dirname(request.path), fileName), JSON.stringify(file));
}

/** Those of one container, oldest first; what can't be read is left out. */
export async function listCheckpoints(
  owner: Owner,
  directory: string,
): Promise<CheckpointRecord[]> {
  const names = await readdir(directory).catch(() => [] as string[]);
  const read = await Promise.all(names.map((name) => readRecord(owner, directory, name)));
  const found = read.filter((record) => record !== undefined);
  return found.sort((a, b) => a.createdAt - b.createdAt);
}

/** NOT_FOUND when there is none of that name, or another container's. */
export async function deleteCheckpoint(
  owner: Owner,
  directory: string,
  name: string,
): Promise<void> {
  const isName = !/[/\0]/.test(name) && name !== "." && name !== "..";
  if (!isName || !(await readRecord(owner, directory, name))) {
    throw new AppError("NOT_FOUND", `Container "${owner.id}" has no checkpoint "${name}"`);
  }
  await rm(join(directory, name), { recursive: true, force: true });
}

async function readRecord(
  owner: Owner,
  directory: string,
  name: string,
): Promise<CheckpointRecord | undefined> {
  try {
    const text = await readFile(join(directory, name, fileName), "utf8");
    const { namespace, id, runtime, createdAt, options } = fileSchema.parse(JSON.parse(text));
    if (namespace !== owner.namespace || id !== owner.id) return undefined;
    const { tcpEstablished, fileLocks, externalUnixSockets } = options;
    const image = {
      path: join(directory, name, "image"),
      ...{ tcpEstablished, fileLocks, externalUnixSockets },
    };
    return { name, createdAt, runtime, options, image };
  } catch {
    return undefined;
  }
}
