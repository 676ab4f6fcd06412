import { type FileHandle, open, rm } from "node:fs/promises";
import { closeSync, constants, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#shared/errors";
import type { Bundle } from "../bundle.ts";
import type { CallOptions } from "../runtime.ts";
import type { OciProcess } from "./process.ts";
import type { OciShared } from "./shared.ts";

/**
 * Starts a created container without starting the runtime once more, which is most of what `start` costs (7 ms
 * of runc, 4 of crun). A created container waits at `exec.fifo` in the runtime's root: runc's for a reader
 * (libcontainer's container_linux.go), crun's for a byte (libcrun's status.c). Passing that gate is all that
 * `start` does where there are no hooks. Anything unexpected is left to `start` itself.
 */
export async function openStartGate(
  shared: OciShared,
  bundle: Bundle,
  init: OciProcess,
  entry: number | undefined,
  options: CallOptions,
): Promise<void> {
  const { namespace, id } = bundle.ref;
  const context = `Container "${id}" could not be started`;
  const pass = gates[shared.binary.name];
  if (pass && !(await bundle.spec()).hooks) {
    const gate = join(shared.cli.containerRoot(namespace, id), "exec.fifo");
    if (await pass(gate, init)) return;
    if (init.state.exit) throw new AppError("ABORTED", `${context}: it was killed before`);
  }
  await shared.cli.run(
    { namespace, entry, context },
    ["start", shared.cli.name(namespace, id)],
    options,
  );
}

/** Both answer false when there is no gate to pass. */
const gates: Record<string, (path: string, init: OciProcess) => Promise<boolean>> = {
  runc: readGate,
  crun: writeGate,
};

/** All at once: no step of it waits for a disk, or for anybody. */
async function writeGate(path: string): Promise<boolean> {
  let file: number;
  try {
    // O_NONBLOCK: without a living init to read this fails instead of waiting for ever.
    file = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    rmSync(path, { force: true });
    writeSync(file, Buffer.alloc(1));
    return true;
  } finally {
    closeSync(file);
  }
}

/** Milliseconds within which a living init reaches its gate. */
const gateTimeout = 2000;
/** Looks at once, one after the other, before there are pauses between them: it writes within a tenth of one as a rule. */
const eagerLooks = 40;

async function readGate(path: string, init: OciProcess): Promise<boolean> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: without it the open would wait for a writer, and for ever when init has died.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  try {
    const end = Date.now() + gateTimeout;
    for (let looks = 0; Date.now() < end && !init.state.exit; looks++) {
      if ((await readSome(file)) > 0) {
        await rm(path, { force: true });
        return true;
      }
      if (looks >= eagerLooks) await delay(1);
    }
    return false;
  } finally {
    await file.close();
  }
}

/** 0 when nobody writes yet. */
async function readSome(file: FileHandle): Promise<number> {
  try {
    return (await file.read(Buffer.alloc(1), 0, 1, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}
