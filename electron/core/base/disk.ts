import { statfs } from "node:fs/promises";
import { AppError } from "#shared/errors";

/** Bytes: with less than this left, what failed has failed for want of it. */
const nothingLeft = 1024 * 1024;

/**
 * The error as it is, or RESOURCE_EXHAUSTED when the file system of `path` is full: tools whose own log
 * lies on it can't say so. To be asked before what was half-made is removed.
 */
export async function explainFullDisk(error: unknown, path: string): Promise<AppError> {
  const inner = AppError.from(error);
  const hint = "Free some space, and try again.";
  if (inner.code === "RESOURCE_EXHAUSTED") {
    return inner.details.hint ? inner : AppError.wrap(inner, "There is no room left", { hint });
  }
  const found = await statfs(path).catch(() => undefined);
  if (!found || found.bavail * found.bsize > nothingLeft) return inner;
  return new AppError(
    "RESOURCE_EXHAUSTED",
    `The disk that holds ${path} is full`,
    { ...inner.details, hint },
    error,
  );
}
