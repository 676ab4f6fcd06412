import { replaceBytes } from "#shared/rpc/bytes";
import type { Channel, Frame } from "#shared/rpc/define";
import { ipcMain, type MessagePortMain } from "electron";
import { isWindowUrl } from "./protocol.ts";

/**
 * The one place that listens to a window. Everything a window says goes through the MessagePorts that
 * its preload sends here, each with the name of what it is to be joined to; a port from anything but our
 * own page's main frame is closed.
 */
export function onWindowConnected(listener: (name: unknown, channel: Channel) => void): void {
  ipcMain.on("shimyard:port", ({ senderFrame, ports }, name: unknown) => {
    const [port] = ports;
    if (!port) return;
    const ours = senderFrame && senderFrame.parent === null && isWindowUrl(senderFrame.url);
    if (ours) listener(name, portChannel(port));
    else port.close();
  });
}

/** Frames that arrive before someone listens wait in the port. */
function portChannel(port: MessagePortMain): Channel {
  const listeners: ((reason?: Error) => void)[] = [];
  let closed: { reason: Error | undefined } | undefined;
  const end = (reason?: Error): void => {
    if (closed) return;
    closed = { reason };
    for (const listener of listeners) listener(reason);
  };
  port.on("close", () => end());
  return {
    send(frame) {
      if (!closed) port.postMessage(replaceBytes(frame, ownBytes));
    },
    onFrame(listener) {
      port.on("message", ({ data }) => listener(data as Frame));
      port.start();
    },
    onClose(listener) {
      if (closed) listener(closed.reason);
      else listeners.push(listener);
    },
    close(reason) {
      if (closed) return;
      port.close();
      end(reason);
    },
  };
}

/**
 * A clone of a view carries all of the memory behind it, and the small Buffers of Node share 8 KiB
 * with strangers: so only bytes that own their memory are posted as they are.
 */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
