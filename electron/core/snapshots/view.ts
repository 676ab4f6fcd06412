import { spawn } from "node:child_process";
import { AppError } from "#shared/errors";
import { commandError, killGroup } from "../host/command.ts";
import type { Privileges } from "../host/privileges.ts";
import { mountArgs } from "../runtime/rootfs-mount.ts";
import type { CallOptions, RootfsMount } from "../runtime/runtime.ts";

/** A file system that is mounted only to look into it. */
export interface View extends AsyncDisposable {
  /**
   * Its root, as this process reaches it. For looking only: what is written may change a layer. Links in it may lead
   * anywhere: whoever follows one does so beneath this directory.
   */
  readonly root: string;
  /** The process that holds it: what is entered to be in its namespaces. */
  readonly pid: number;
}

/**
 * Mounts it at `place` in a namespace of its own, which a child process holds; nothing is seen of it elsewhere, and it
 * ends with us. `place` is an existing directory. The caller disposes of it.
 */
export async function openView(
  mount: RootfsMount,
  place: string,
  privileges: Privileges,
  options: CallOptions = {},
): Promise<View> {
  const hold = ["sh", "-c", "echo; exec cat"];
  const { rootless } = privileges;
  const argv = privileges.isolate(mountArgs(mount, place, { busybox: undefined, rootless }, hold));
  const [file = "", ...args] = argv;
  options.signal?.throwIfAborted();
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  child.stdin.on("error", () => {});
  const stderr: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve());
    child.on("error", () => resolve());
  });
  const close = async (): Promise<void> => {
    killGroup(child, "SIGKILL");
    await ended;
  };
  const onAbort = (): void => killGroup(child, "SIGKILL");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const isReady = await Promise.race([
      new Promise<boolean>((resolve) => child.stdout.once("data", () => resolve(true))),
      ended.then(() => false),
    ]);
    options.signal?.throwIfAborted();
    if (!isReady) {
      const said = Buffer.concat(stderr);
      const empty = Buffer.alloc(0);
      throw commandError("mount", {
        ...{ code: child.exitCode ?? 137, stdout: empty, stderr: said, truncated: false },
      });
    }
  } catch (error) {
    await close();
    throw AppError.wrap(error, "The files can't be looked at");
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
  }
  const pid = child.pid as number;
  return { root: `/proc/${pid}/root${place}`, pid, [Symbol.asyncDispose]: close };
}
