import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { SeqpacketWriter } from "#core/host/seqpacket";
import { AppError } from "#shared/errors";
import type { ProcessInput } from "../runtime.ts";

/** conmon reads packets of at most 32 KiB (conn_sock.h); a longer one would be cut. */
const maxPacket = 8 * 1024;

/**
 * The way in to a process: conmon's attach socket. What the process writes is not read here, because
 * its log has it. Rejects UNAVAILABLE when the process or its shim is gone.
 */
export async function openAttach(path: string): Promise<ProcessInput> {
  // Through the directory's descriptor: sun_path holds 108 bytes, and paths here may be longer.
  let dir: FileHandle;
  try {
    dir = await open(dirname(path), "r");
  } catch (error) {
    throw gone(error);
  }
  try {
    return new AttachInput(SeqpacketWriter.connect(`/proc/self/fd/${dir.fd}/${basename(path)}`));
  } catch (error) {
    throw gone(error);
  } finally {
    await dir.close();
  }
}

class AttachInput implements ProcessInput {
  readonly #socket: SeqpacketWriter;

  constructor(socket: SeqpacketWriter) {
    this.#socket = socket;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      for (let offset = 0; offset < bytes.length; offset += maxPacket) {
        await this.#socket.write(bytes.subarray(offset, offset + maxPacket));
      }
    } catch (error) {
      throw gone(error);
    }
  }

  dispose(): void {
    this.#socket.close();
  }
}

function gone(cause: unknown): AppError {
  return new AppError("UNAVAILABLE", "The process or its shim is gone", {}, cause);
}
