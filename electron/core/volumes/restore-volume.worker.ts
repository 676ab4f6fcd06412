import { parentPort, workerData } from "node:worker_threads";
import { AppError } from "#shared/errors";
import { compressionOf, openFile } from "../images/layer-file.ts";
import { unpackTar } from "../snapshots/unpack-tar.ts";
import type { FromRestoreThread, RestoreJob, Restored } from "./restore.ts";

/** Milliseconds between two words of progress. */
const progressInterval = 100;
/** Bytes read at once. */
const readSize = 1024 * 1024;

const send = (message: FromRestoreThread): void => parentPort?.postMessage(message);
const abort = new AbortController();
parentPort?.on("message", () => abort.abort());

async function restore({ path, directory, rootless }: RestoreJob): Promise<Restored> {
  await using file = await openFile(path);
  const total = (await file.stat()).size;
  const compression = await compressionOf(file);
  if (compression && !compression.kept) {
    throw new AppError("UNIMPLEMENTED", `${path} is compressed with ${compression.program}`, {
      ...{ field: "path", hint: `Uncompress it first: ${compression.program} --decompress` },
    });
  }
  let told = 0;
  const bytes = file.createReadStream({ start: 0, highWaterMark: readSize, autoClose: false });
  const { scanner } = await unpackTar({ kind: "directory", rootless }, directory, bytes, {
    compression: compression?.kept ?? "none",
    ...{ capture: [], skipDevices: true, whiteouts: false },
    signal: abort.signal,
    onProgress(done) {
      if (Date.now() - told < progressInterval) return;
      told = Date.now();
      send({ type: "progress", bytes: done, total });
    },
  });
  return { files: scanner.files, skippedDevices: scanner.skippedDevices };
}

restore(workerData as RestoreJob).then(
  (result) => send({ type: "done", result }),
  (error: unknown) => send({ type: "failed", error: AppError.from(error).toInfo() }),
);
