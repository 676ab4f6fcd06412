import { fromBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { isPipeAddress } from "#core/host/named-pipe";
import { AppError } from "#shared/errors";
import { BootstrapResultSchema } from "./proto/shim_pb.ts";

/** Where a shim listens, and the version of the Task service that it says it has. */
export interface StartAnswer {
  /** Absolute path of a unix socket, or a pipe's address on Windows. */
  socket: string;
  version: number;
}

const jsonSchema = z.object({ version: z.number(), address: z.string(), protocol: z.string() });

/**
 * What a shim's `start` prints, in any of its three forms: a bare address (containerd up to 1.7; version 2), JSON
 * (2.0 to 2.2), or a protobuf message (since 2.3). Rejects what we can't speak to: gRPC, and sockets that are
 * neither unix sockets nor named pipes.
 */
export function parseStartAnswer(bytes: Uint8Array): StartAnswer {
  const { version, address, protocol } = parse(bytes);
  if (protocol !== "" && protocol !== "ttrpc") {
    throw new AppError("UNIMPLEMENTED", `The shim speaks ${protocol}, not ttrpc`);
  }
  const socket = address.replace(/^unix:\/\//, "");
  if (!(socket.startsWith("/") || isPipeAddress(socket)) || version < 2) throw unreadable(bytes);
  return { socket, version };
}

function parse(bytes: Uint8Array): { version: number; address: string; protocol: string } {
  const first = bytes[0] ?? 0;
  try {
    // No text begins with a control character; a message does, with its first field's tag.
    if (first < 0x20) return fromBinary(BootstrapResultSchema, bytes);
    const text = Buffer.from(bytes).toString("utf8").trim();
    if (text.startsWith("{")) return jsonSchema.parse(JSON.parse(text));
    return { version: 2, address: text, protocol: "" };
  } catch (error) {
    throw unreadable(bytes, error);
  }
}

function unreadable(bytes: Uint8Array, cause?: unknown): AppError {
  const output = Buffer.from(bytes).toString("utf8").slice(0, 4096);
  return new AppError("DATA_LOSS", "The shim's answer can't be understood", { output }, cause);
}
