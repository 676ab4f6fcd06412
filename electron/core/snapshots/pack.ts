import { spawn } from "node:child_process";
import { AppError } from "#shared/errors";
import { commandError, killGroup } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { CallOptions, RootfsMount } from "../runtime/runtime.ts";
import { LayerWriter } from "./tar/layer-writer.ts";

/** Pieces of what is given are at least this big, but for the last; bytes. */
const pieceSize = 256 * 1024;

/** The upper directory of an overlay as a layer's tar. */
export function packDirectory(
  directory: string,
  privileges: Privileges,
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  return pack(privileges.asRoot(tarArgs(directory)), options);
}

/** A directory's files as a tar, as tar writes it: extended attributes and hard links too. */
export function packFiles(
  directory: string,
  privileges: Privileges,
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  // Not all that read tars know of sparse files.
  const args = tarArgs(directory).filter((arg) => arg !== "--sparse");
  return pack(privileges.asRoot(args), options, asWritten);
}

/** A whole file system as a tar, mounted at `place` (an existing directory) in a namespace of its own meanwhile. */
export function packMount(
  mount: RootfsMount,
  place: string,
  privileges: Privileges,
  options: CallOptions,
): AsyncGenerator<Uint8Array> {
  const { rootless } = privileges;
  const argv = mountArgs(mount, place, { busybox: undefined, rootless }, tarArgs(place));
  return pack(privileges.isolate(argv), options);
}

/** It ends with us. What it writes is in GNU's dialects; of layers it is written anew. */
function tarArgs(directory: string): string[] {
  return [
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    ...["tar", "--create", "--file=-", `--directory=${directory}`, "--format=pax", "--sparse"],
    ...["--numeric-owner", "--xattrs", "--xattrs-include=*", "--sort=name"],
    ...["--pax-option=delete=atime,delete=ctime", "."],
  ];
}

/** Bytes as they come. */
const asWritten: Pick<LayerWriter, "write" | "end"> = {
  *write(chunk) {
    yield chunk;
  },
  *end() {},
};

async function* pack(
  argv: string[],
  { signal }: CallOptions,
  writer: Pick<LayerWriter, "write" | "end"> = new LayerWriter(),
): AsyncGenerator<Uint8Array> {
  if (signal?.aborted) throw new AppError("CANCELLED", "The operation was cancelled");
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, LC_ALL: "C" },
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (said.length < 64 * 1024) said += chunk.toString("utf8");
  });
  const ended = new Promise<number>((resolve) => {
    child.on("error", (error) => {
      said = error.message;
      resolve(127);
    });
    child.on("close", (code) => resolve(code ?? 137));
  });
  const onAbort = (): void => killGroup(child, "SIGKILL");
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    let held: Uint8Array[] = [];
    let size = 0;
    let given = false;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      given = true;
      for (const part of writer.write(chunk)) {
        held.push(part);
        size += part.length;
        if (size < pieceSize) continue;
        yield Buffer.concat(held);
        held = [];
        size = 0;
      }
    }
    const code = await ended;
    if (signal?.aborted) throw new AppError("CANCELLED", "The operation was cancelled");
    // 1: a file changed while it was read, which files of what runs do.
    if (code > 1 || !given) {
      const [stdout, stderr] = [Buffer.alloc(0), Buffer.from(said)];
      throw commandError("tar", { code, stdout, stderr, truncated: false });
    }
    held.push(...writer.end());
    yield Buffer.concat(held);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (child.exitCode === null && child.signalCode === null) killGroup(child, "SIGKILL");
    await ended;
  }
}
