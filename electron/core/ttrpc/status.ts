import { AppError, type ErrorCode, errorCodes } from "#shared/errors";
import type { Status } from "./proto/ttrpc_pb.ts";

/** A ttrpc status as an error; its numbers are gRPC's, which start at 1 with CANCELLED. */
export function statusError({ code, message }: Pick<Status, "code" | "message">): AppError {
  const name = errorCodes[code - 1] ?? "UNKNOWN";
  return new AppError(name, message || `The other side refused with code ${code}`);
}

/** The number of a code in a ttrpc status. */
export function statusCode(code: ErrorCode): number {
  return errorCodes.indexOf(code) + 1;
}
