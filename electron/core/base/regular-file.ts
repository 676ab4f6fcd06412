import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { AppError } from "#shared/errors";

/**
 * A file for reading, which the caller closes. Throws as Node does, and INVALID_ARGUMENT for what is no regular file. It
 * waits for nothing: a named pipe that nobody writes to would keep one of Node's four threads for files for ever.
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if ((await file.stat()).isFile()) return file;
    throw new AppError("INVALID_ARGUMENT", `${path} is not a file`, { field: "path" });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The text of one that somebody named. Throws as `openRegularFile`, and RESOURCE_EXHAUSTED beyond `most` bytes. */
export async function readRegularFile(path: string, most = 1024 * 1024): Promise<string> {
  const file = await openRegularFile(path);
  try {
    const { size } = await file.stat();
    if (size <= most) return await file.readFile("utf8");
    throw new AppError("RESOURCE_EXHAUSTED", `${path} has ${size} bytes, more than ${most}`);
  } finally {
    await file.close();
  }
}
