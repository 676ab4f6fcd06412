import { createHash } from "node:crypto";
import { AppError } from "#shared/errors";
import { runCommand } from "../host/command.ts";
import { decompress } from "./decompress.ts";
import type { LayerPlan, MakeLayerOptions } from "./layer.ts";
import { defaultLimits } from "./tar/limits.ts";
import { type ScanOptions, TarScanner } from "./tar/tar-scanner.ts";
import { startUnpacker, type Unpacker } from "./unpacker.ts";

type UnpackOptions = Omit<MakeLayerOptions, "diffId"> &
  Pick<ScanOptions, "capture" | "skipDevices" | "whiteouts">;

/**
 * Uncompresses a tar, checks it (tar-scanner.ts) and has it written to `target`, in one pass. What was written when
 * this rejects is the caller's to remove; nothing writes to it any more then.
 */
export async function unpackTar(
  plan: Pick<LayerPlan, "kind" | "rootless" | "mkfs">,
  target: string,
  tar: AsyncIterable<Uint8Array>,
  options: UnpackOptions,
): Promise<{ scanner: TarScanner; diffId: string; uncompressed: number }> {
  const { signal, capture, skipDevices, whiteouts } = options;
  if (signal?.aborted) throw cancelled();
  const limits = { ...defaultLimits, ...options.limits };
  const scanner = new TarScanner({
    ...{ limits, capture, skipDevices, whiteouts },
    opaque: plan.rootless ? "user.overlay.opaque" : "trusted.overlay.opaque",
    keepHoles: plan.kind === "directory",
  });
  const hash = createHash("sha256");
  let uncompressed = 0;
  const unpacker = startUnpacker(plan, target, signal);
  try {
    const source = signal ? abortable(tar, signal) : tar;
    for await (const chunk of decompress(source, { ...options, ratio: limits.ratio })) {
      uncompressed += chunk.length;
      hash.update(chunk);
      await writeAll(unpacker, scanner.scan(chunk));
      // Of the chunk nothing may be needed when the next is asked for.
      await unpacker.flush();
    }
    await writeAll(unpacker, scanner.end());
    await unpacker.end();
    if (scanner.sparse && plan.kind === "erofs") await digHoles(target);
  } catch (error) {
    await unpacker.kill();
    throw error;
  }
  return { scanner, diffId: `sha256:${hash.digest("hex")}`, uncompressed };
}

/** Milliseconds for a layer's file to be looked through. */
const longest = 10 * 60_000;

/**
 * mkfs.erofs knows no sparse files in an archive, and writes zeros. Whoever looks into the layer sees those, too, but they
 * need no room on a disk that knows holes; one that does not keeps them.
 */
async function digHoles(file: string): Promise<void> {
  await runCommand(["fallocate", "--dig-holes", "--", file], { timeout: longest });
}

/** What comes no more after an abort, whatever its source is waiting for. */
async function* abortable(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let fail: ((error: AppError) => void) | undefined;
  const onAbort = (): void => fail?.(cancelled());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      if (signal.aborted) throw cancelled();
      // No race with one promise for all: each would be remembered by it.
      const { done, value } = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        fail = reject;
        iterator.next().then(resolve, reject);
      });
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    void iterator.return?.()?.catch(() => undefined);
  }
}

async function writeAll(unpacker: Unpacker, parts: Iterable<Uint8Array>): Promise<void> {
  for (const part of parts) {
    const full = unpacker.write(part);
    if (full) await full;
  }
}

const cancelled = (): AppError => new AppError("CANCELLED", "The operation was cancelled");
