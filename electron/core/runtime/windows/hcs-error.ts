import { AppError, type ErrorCode } from "#shared/errors";

/**
 * What Windows' Host Compute Service refuses with, as the shim hands it on (hcsshim's internal/hcs/errors.go: the
 * operation, the container and the words of the error): the one place where these are understood.
 */
interface Rule {
  pattern: RegExp;
  code: ErrorCode;
  field?: string;
  hint: string;
}

const rules: Rule[] = [
  {
    // Before the next: a layer is no command.
    pattern: /failed to mount container storage|cannot find the path specified/i,
    code: "NOT_FOUND",
    hint: "A layer of the image is not there any more: pull the image again.",
  },
  {
    pattern: /cannot find the file specified|\b0x2\b/i,
    code: "NOT_FOUND",
    hint: "The command is not in the container's file system, or not in its PATH. Check its spelling, or give its full path.",
  },
  {
    pattern: /user name or password is incorrect|\b0x52e\b/i,
    code: "INVALID_ARGUMENT",
    field: "user",
    hint: "Choose a user that the container has: ContainerUser, ContainerAdministrator, or one that its image adds.",
  },
  {
    pattern: /directory name is invalid|\b0x10b\b/i,
    code: "NOT_FOUND",
    hint: "The working directory does not exist in the container.",
  },
  {
    pattern: /operating system does not match the host|\b0xc0370101\b/i,
    code: "FAILED_PRECONDITION",
    hint: "Without a virtual machine the image must be of this Windows' own version: choose one that is.",
  },
  {
    pattern: /access is denied|\b0x5\b/i,
    code: "PERMISSION_DENIED",
    hint: "Windows containers are for administrators: start Shimyard as one.",
  },
  {
    pattern: /already exists|\b0xc037010f\b/i,
    code: "ALREADY_EXISTS",
    hint: "A container of this name is left from earlier: start Shimyard again, which ends it.",
  },
];

/** An error of the shim with a code and a hint; `command` is what was to be run. What is not understood stays. */
export function hcsError(error: unknown, command?: string): AppError {
  const inner = AppError.from(error);
  const words = inner.details.output ?? inner.message;
  const rule = rules.find(({ pattern }) => pattern.test(words));
  if (!rule) return inner;
  const about = command !== undefined && rule.code === "NOT_FOUND" ? ` ("${command}")` : "";
  return new AppError(
    rule.code,
    `${inner.message.replace(/\.$/, "")}${about}`,
    { ...inner.details, hint: rule.hint, ...(rule.field && { field: rule.field }) },
    error,
  );
}
