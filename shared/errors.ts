/**
 * The one error type of the whole product. Its codes are the sixteen of gRPC (and so containerd's):
 * https://grpc.io/docs/guides/status-codes/. Every foreign failure (errno, an OCI runtime's output,
 * a ttrpc status, HTTP) is mapped to one of them in one place; wrapping adds context and keeps the code.
 */
export const errorCodes = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetails {
  /** What it happened to, as the user knows it: `container "web"`. */
  subject?: string;
  /** What the user can do about it, one sentence. */
  hint?: string;
  /** The words of whoever refused (runc, criu, the kernel), unedited; at most 64 KiB. */
  output?: string;
  /** The input field at fault, as a path: `limits.memory`. */
  field?: string;
}

/** An error as it travels: plain data. */
export interface ErrorInfo {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** `message` says what happened in one sentence, without a final full stop. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  /** Puts context in front of the message and keeps the code; details given here win. */
  static wrap(error: unknown, context: string, details: ErrorDetails = {}): AppError {
    const inner = AppError.from(error);
    // A path that the context names need not be named again.
    const [, words, path] = /^(.*): (\/.*)$/s.exec(inner.message) ?? [];
    const named = path !== undefined && context.includes(path);
    return new AppError(
      inner.code,
      `${context}: ${named ? words : inner.message}`,
      { ...inner.details, ...details },
      error,
    );
  }

  /** Any thrown value as an AppError; an AppError is returned as it is. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error;
    if (error instanceof Error) {
      const { name } = error;
      if (name === "AbortError") {
        return new AppError("CANCELLED", "The operation was cancelled", {}, error);
      }
      const errno = (error as Error & { code?: unknown }).code;
      const code = typeof errno === "string" ? errnoCodes[errno] : undefined;
      return new AppError(
        code ?? "UNKNOWN",
        code ? systemWords(error.message) : error.message,
        {},
        error,
      );
    }
    return new AppError("UNKNOWN", String(error));
  }

  static fromInfo(info: ErrorInfo): AppError {
    return new AppError(info.code, info.message, info.details);
  }

  toInfo(): ErrorInfo {
    return { code: this.code, message: this.message, details: this.details };
  }
}

/** Node's `ENOENT: no such file or directory, open '/x'` without its names for machines: `no such file or directory: /x`. */
function systemWords(message: string): string {
  const [, words, path] = /^E[A-Z0-9]+: ([^,]+), \w+(?: '(.*)')?$/s.exec(message) ?? [];
  if (words === undefined) return message;
  return path === undefined ? words : `${words}: ${path}`;
}

export function isCode(error: unknown, code: ErrorCode): error is AppError {
  return error instanceof AppError && error.code === code;
}

/** errno(3) names to codes, as containerd's errgrpc and Go's os.Is* have them. */
const errnoCodes: Record<string, ErrorCode> = {
  ENOENT: "NOT_FOUND",
  ESRCH: "NOT_FOUND",
  EEXIST: "ALREADY_EXISTS",
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  EROFS: "PERMISSION_DENIED",
  EINVAL: "INVALID_ARGUMENT",
  ENAMETOOLONG: "INVALID_ARGUMENT",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EDQUOT: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  ENOMEM: "RESOURCE_EXHAUSTED",
  EAGAIN: "UNAVAILABLE",
  EBUSY: "UNAVAILABLE",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  EPIPE: "UNAVAILABLE",
  ETIMEDOUT: "DEADLINE_EXCEEDED",
  ABORT_ERR: "CANCELLED",
};
