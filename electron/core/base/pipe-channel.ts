import type { Readable, Writable } from "node:stream";
import { AppError } from "#shared/errors";
import { decodeFrame, encodeFrame } from "#shared/rpc/codec";
import type { Channel, Frame } from "#shared/rpc/define";
import { MAX_FRAME_BYTES } from "#shared/rpc/wire";

/**
 * Frames over a pair of pipes to another process, or over a socket that is both: each is its length in bytes (u32,
 * big endian) and what the codec makes of it. The channel ends when `input` does; `output` is ended with it.
 */
export function pipeChannel(input: Readable, output: Writable): Channel {
  const frames: ((frame: Frame) => void)[] = [];
  const closes: ((reason?: Error) => void)[] = [];
  let ended: { reason: Error | undefined } | undefined;
  let waiting: Buffer[] = [];
  let size = 0;

  const end = (reason?: Error): void => {
    if (ended) return;
    ended = { reason };
    output.end();
    input.destroy();
    for (const listen of closes) listen(reason);
  };
  const receive = (chunk: Buffer): void => {
    waiting.push(chunk);
    size += chunk.length;
    while (size >= 4 && !ended) {
      if ((waiting[0] as Buffer).length < 4) waiting = [Buffer.concat(waiting)];
      const length = (waiting[0] as Buffer).readUInt32BE();
      if (length > MAX_FRAME_BYTES) throw new AppError("INVALID_ARGUMENT", "A frame is too large");
      if (size < 4 + length) return;
      const all = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting);
      const rest = all.subarray(4 + length);
      waiting = rest.length > 0 ? [rest] : [];
      size = rest.length;
      // Handlers are promised a Uint8Array, whose slice() copies; a Buffer's does not.
      const bytes = new Uint8Array(all.buffer, all.byteOffset + 4, length);
      // Whoever listens checks it (shared/rpc/define.ts).
      const frame = decodeFrame(bytes) as Frame;
      for (const listen of frames) listen(frame);
    }
  };
  input.on("data", (chunk: Buffer) => {
    try {
      receive(chunk);
    } catch (error) {
      end(AppError.from(error));
    }
  });
  input.on("end", () => end());
  input.on("error", end);
  output.on("error", end);
  return {
    send(frame) {
      if (!ended) output.write(packFrame(frame));
    },
    onFrame: (listen) => void frames.push(listen),
    onClose(listen) {
      if (ended) listen(ended.reason);
      else closes.push(listen);
    },
    close: end,
  };
}

/** A frame as such a channel carries it. Throws RESOURCE_EXHAUSTED when it is too large. */
export function packFrame(frame: Frame): Buffer {
  const bytes = encodeFrame(frame);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}
