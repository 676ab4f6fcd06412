import { AppError } from "#shared/errors";
import { decodeFrame, encodeFrame } from "#shared/rpc/codec";
import type { Channel, Frame } from "#shared/rpc/define";
import type { RawData, WebSocket } from "ws";

/**
 * A WebSocket as a channel, one binary message a frame. What waits to be written is bounded by the
 * calls' credits.
 */
export function socketChannel(socket: WebSocket): Channel {
  const closed = (): boolean => socket.readyState === socket.CLOSED;
  const close = (reason?: Error): void => {
    // 1002: protocol error. A close frame has room for 123 bytes.
    if (reason) socket.close(1002, reason.message.slice(0, 40));
    else socket.close();
  };
  socket.on("error", () => socket.terminate());
  return {
    send(frame) {
      if (socket.readyState === socket.OPEN) socket.send(encodeFrame(frame));
    },
    onFrame(listener) {
      socket.on("message", (data: RawData, isBinary: boolean) => {
        try {
          if (!isBinary || !(data instanceof Uint8Array)) {
            throw new AppError("INVALID_ARGUMENT", "Text arrived where bytes belong");
          }
          // Handlers are promised a Uint8Array, whose slice() copies; a Buffer's does not.
          const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
          listener(decodeFrame(bytes) as Frame);
        } catch (error) {
          close(AppError.from(error));
        }
      });
    },
    onClose(listener) {
      if (closed()) listener();
      else socket.once("close", () => listener());
    },
    close,
  };
}
