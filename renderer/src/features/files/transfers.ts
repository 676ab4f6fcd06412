import { shownName, splitPath } from "#shared/base/file-names";
import type { FileEntry, FileSource } from "#shared/contract/files";
import type { AppContract } from "#shared/contract/index";
import type { Client } from "#shared/rpc/define";
import { saveFile } from "../../components/save-file.ts";

/** Bytes of a piece: with a window of them on the way a few MiB. */
const chunkSize = 128 * 1024;

interface Options {
  signal: AbortSignal;
  /** Bytes so far. */
  onProgress: (bytes: number) => void;
}

/** Sends a file, piece by piece as there is room for it. Rejects ALREADY_EXISTS when there is one, unless `overwrite`. */
export async function uploadFile(
  client: Client<AppContract>,
  to: { source: FileSource; directory: string; overwrite: boolean },
  file: File,
  { signal, onProgress }: Options,
): Promise<FileEntry> {
  const input = { ...to, name: file.name, size: file.size };
  const call = client.duplex("files.upload", input, { signal });
  const answer = call.next();
  // A refusal also ends what is being sent, which tells of it.
  answer.catch(() => undefined);
  for (let at = 0; at < file.size; at += chunkSize) {
    const bytes = await file.slice(at, at + chunkSize).arrayBuffer();
    await call.send(new Uint8Array(bytes));
    onProgress(Math.min(file.size, at + chunkSize));
  }
  call.end();
  return (await answer).value as FileEntry;
}

/** Gives the user what is at a path: a file as it is, a directory as an archive. False when they chose no place. */
export function downloadPath(
  client: Client<AppContract>,
  from: { source: FileSource; path: string; directory: boolean },
  { signal, onProgress }: Options,
): Promise<boolean> {
  const { source, path, directory } = from;
  const name = shownName(splitPath(path).name) || "root";
  return saveFile({
    fileName: directory ? `${name}.tar` : name,
    type: directory ? "application/x-tar" : "application/octet-stream",
    content: () => client.stream("files.download", { source, path }, { signal }),
    onProgress,
  });
}
