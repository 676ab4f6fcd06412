import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { packFrame, pipeChannel } from "#core/base/pipe-channel";
import { AppError } from "#shared/errors";
import type { Acceptor } from "#shared/rpc/acceptor";
import type { Frame } from "#shared/rpc/define";
import type { Admission } from "./admission.ts";
import { type Peer, peerOf } from "./peer.ts";

export interface ServiceOptions {
  /** Absolute. A socket that is left there is replaced, when nobody listens at it any more. */
  path: string;
  version: string;
  admission: Admission;
  /** Answers those who were let in; closed with the service. */
  acceptor: Acceptor;
  /** Gets a line for each who was let in, and one for each user who was not. */
  log: (line: string) => void;
}

export interface Service {
  /** Ends every connection; resolves when what answered them has cleaned up. */
  close(): Promise<void>;
}

/**
 * The first frame on a connection, as if the peer had called: let in, and by which version, or not, and why. All
 * others are the API's.
 */
export const greetingId = 1;

/**
 * Serves the API at a unix socket. Everybody can knock, so that who may not come in is told why: each peer is asked
 * for at the kernel, and nothing that it sends is read before it was let in. Throws FAILED_PRECONDITION when another
 * program has the place.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { path } = options;
  await freePlace(path);
  const refused = new Set<number>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    void receive(socket, options, refused);
  });
  // Connecting takes the right to write to it; a umask would deny it to some.
  server.listen({ path, readableAll: true, writableAll: true });
  try {
    await once(server, "listening");
  } catch (error) {
    throw AppError.wrap(error, `${path} could not be made`);
  }
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      await options.acceptor.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function receive(
  socket: Socket,
  { version, admission, acceptor, log }: ServiceOptions,
  refused: Set<number>,
): Promise<void> {
  let peer: Peer | undefined;
  try {
    peer = peerOf(socket);
    await admission.admit(peer.uid);
    refused.delete(peer.uid);
    log(`Let in user ${peer.uid} (process ${peer.pid})`);
    const channel = pipeChannel(socket, socket);
    channel.send({ t: "end", id: greetingId, value: { version } });
    acceptor.accept(channel);
  } catch (thrown) {
    const error = AppError.from(thrown);
    // A window that tries again every few seconds shall not fill the journal.
    if (!peer || !refused.has(peer.uid)) {
      log(`Refused user ${peer?.uid ?? "unknown"}: ${error.message}`);
    }
    if (peer) refused.add(peer.uid);
    const greeting: Frame = { t: "error", id: greetingId, error: error.toInfo() };
    socket.end(packFrame(greeting), () => socket.destroy());
  }
}

async function freePlace(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  const taken = !found.isSocket() || (await answers(path));
  if (taken) {
    throw new AppError("FAILED_PRECONDITION", `Another program has ${path}`, { subject: path });
  }
  await rm(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
