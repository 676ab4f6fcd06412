import { shownName } from "#shared/base/file-names";
import { AppError } from "#shared/errors";

/** What the kernel says of a path that was looked up inside a root, where Node's words would show how. */
const sayings: Record<string, { code: AppError["code"]; text: string; hint?: string }> = {
  ENOENT: {
    code: "NOT_FOUND",
    text: "it is not there",
    hint: "It may have been removed just now.",
  },
  EEXIST: { code: "ALREADY_EXISTS", text: "there is something of that name already" },
  ENOTDIR: { code: "FAILED_PRECONDITION", text: "it is not a directory" },
  EISDIR: { code: "FAILED_PRECONDITION", text: "it is a directory" },
  ELOOP: {
    code: "FAILED_PRECONDITION",
    text: "its links lead round in a circle, or through a process of /proc",
  },
  ENOTEMPTY: { code: "FAILED_PRECONDITION", text: "something was put into it meanwhile" },
  EACCES: { code: "PERMISSION_DENIED", text: "this user may not" },
  EPERM: { code: "PERMISSION_DENIED", text: "the kernel does not permit it" },
  EROFS: { code: "PERMISSION_DENIED", text: "its file system is mounted read-only" },
  EBUSY: { code: "FAILED_PRECONDITION", text: "something is mounted there, or uses it" },
  EXDEV: { code: "FAILED_PRECONDITION", text: "it is on another file system" },
  ENOSPC: { code: "RESOURCE_EXHAUSTED", text: "the disk is full" },
  EDQUOT: { code: "RESOURCE_EXHAUSTED", text: "the disk quota is used up" },
  ENAMETOOLONG: { code: "INVALID_ARGUMENT", text: "its name is too long" },
  ENOSYS: {
    code: "UNIMPLEMENTED",
    text: "this kernel has no openat2",
    hint: "Linux 5.6 or later is needed to keep inside a container's files.",
  },
};

/** `what` is what could not be done: `could not be opened`. An AppError is passed on as it is. */
export function fileError(error: unknown, path: string, what: string): AppError {
  if (error instanceof AppError) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? "";
  const saying = sayings[errno];
  const shown = shownName(path);
  if (!saying) return AppError.wrap(error, `"${shown}" ${what}`, { subject: shown });
  return new AppError(
    saying.code,
    `"${shown}" ${what}: ${saying.text}`,
    { subject: shown, ...(saying.hint ? { hint: saying.hint } : {}) },
    error,
  );
}
