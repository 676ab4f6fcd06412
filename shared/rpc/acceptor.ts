import { AppError } from "../errors.ts";
import type { Channel, Contract, Handlers } from "./define.ts";
import { type ServeOptions, type Server, serve } from "./server.ts";

/** Takes channels, and answers each for as long as it lasts. */
export interface Acceptor {
  accept(channel: Channel): void;
  /** Ends every channel; resolves when what answered them has cleaned up. */
  close(): Promise<void>;
}

/** Answers by handlers. */
export function serveAll<C extends Contract>(
  contract: C,
  handlers: Handlers<C>,
  options?: ServeOptions,
): Acceptor {
  const servers = new Set<Server>();
  return {
    accept(channel) {
      const server = serve(contract, handlers, channel, options);
      servers.add(server);
      // What answered a window that has just gone may still be at it.
      channel.onClose(() => void server.close().finally(() => servers.delete(server)));
    },
    async close() {
      await Promise.all([...servers].map((server) => server.close()));
    },
  };
}

/**
 * Answers by what is at the other end of another channel, opened for each: frames go to and fro as they are, and
 * credits and cancellations with them. One that can't be opened closes the channel.
 */
export function pipeAll(open: () => Promise<Channel>): Acceptor {
  const channels = new Set<Channel>();
  return {
    accept(channel) {
      channels.add(channel);
      channel.onClose(() => channels.delete(channel));
      pipe(channel, open());
    },
    async close() {
      for (const channel of channels) channel.close();
    },
  };
}

function pipe(near: Channel, opening: Promise<Channel>): void {
  const fail = (error: unknown): void => near.close(AppError.from(error));
  // Also what comes before the other end is there; the promise keeps the order.
  near.onFrame((frame) => void opening.then((far) => far.send(frame)).catch(fail));
  near.onClose((reason) => void opening.then((far) => far.close(reason)).catch(() => undefined));
  opening
    .then((far) => {
      far.onFrame((frame) => near.send(frame));
      far.onClose((reason) => near.close(reason));
    })
    .catch(fail);
}
