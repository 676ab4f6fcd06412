import { createHandlers } from "#api/index";
import { type CoreConfig, createCore } from "#core/core";
import { currentHolder } from "#core/host/lock";
import { contract } from "#shared/contract/index";
import { type Acceptor, pipeAll, serveAll } from "#shared/rpc/acceptor";
import type { ServeOptions } from "#shared/rpc/server";
import { connectService } from "./service/service-client.ts";
import { serviceSocket } from "./service/set-up.ts";

/** Under test what handlers answer is checked against the contract too. */
export const serveOptions: ServeOptions = {
  checkOutput: process.env.NODE_ENV === "test",
  onUnexpected: (error, method) => console.error(`${method} failed unforeseen:`, error),
};

/**
 * The manager of one root: a core in this process, or, where the machine's service has that root already, the service.
 * Closing it leaves all containers running. Rejects as `createCore`.
 */
export async function openManager(config: CoreConfig): Promise<Acceptor> {
  const { paths, version, kind } = config;
  // The service itself says who has its root, and ends.
  const holder = kind === "service" ? undefined : await currentHolder(paths);
  if (holder?.kind === "service") {
    return pipeAll(() => connectService(serviceSocket(), version));
  }
  const core = await createCore(config);
  const served = serveAll(contract, createHandlers(core), serveOptions);
  return {
    accept: (channel) => served.accept(channel),
    async close() {
      await served.close();
      await core.close();
    },
  };
}
