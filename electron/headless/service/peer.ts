import type { Socket } from "node:net";
import { AppError } from "#shared/errors";
import koffi from "koffi";

// asm-generic/socket.h
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** sizeof(struct ucred): pid, uid and gid, of 32 bits each. */
const credentialsSize = 12;

export interface Peer {
  pid: number;
  uid: number;
}

type GetSockOpt = (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: Uint32Array,
) => number;
let getsockopt: GetSockOpt | undefined;

/**
 * Who opened the other end of a unix socket, as the kernel noted it then (unix(7), SO_PEERCRED): nothing that the
 * other side says. Throws INTERNAL when the kernel does not tell.
 */
export function peerOf(socket: Socket): Peer {
  getsockopt ??= koffi
    .load(null)
    .func("int getsockopt(int, int, int, uint8_t *, uint32_t *)") as unknown as GetSockOpt;
  // Node has no other way to the descriptor; -1 where the socket is closed.
  const { _handle: handle } = socket as unknown as { _handle?: { fd: number } | null };
  const credentials = Buffer.alloc(credentialsSize);
  const length = Uint32Array.of(credentialsSize);
  if (getsockopt(handle?.fd ?? -1, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) {
    throw new AppError("INTERNAL", "The kernel does not say who has connected");
  }
  // In the machine's byte order: little-endian wherever Electron runs.
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4) };
}
