import { join } from "node:path";
import { parseArgs } from "node:util";
import { shellContract } from "#shared/contract/shell";
import { AppError } from "#shared/errors";
import { pipeAll, serveAll } from "#shared/rpc/acceptor";
import { openManager, serveOptions } from "./open-manager.ts";
import {
  dist,
  ownPaths,
  ownVersion,
  runProgram,
  shippedExtensions,
  stopSignal,
} from "./program.ts";
import { startHeadless } from "./server.ts";
import { connectService } from "./service/service-client.ts";
import { serviceSocket } from "./service/set-up.ts";
import { shellHandlers } from "./shell-handlers.ts";

/**
 * Browser mode: the core and its window on a port of 127.0.0.1, until SIGTERM or SIGINT. Prints the
 * address to open as its only line on standard output. Options: --port N (else any that is free).
 * SHIMYARD_ROOT as for the app.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
  const port = parsePort(values.port);
  const paths = ownPaths();
  const version = await ownVersion();
  const user = await openManager({
    ...{ paths, version, kind: "headless" },
    shippedExtensions,
  });
  const window = {
    pickPath: () => {
      throw new AppError("UNIMPLEMENTED", "A browser has no picker for paths of this machine");
    },
    host: () => ({ shell: "browser" as const, pickPath: false }),
  };
  const shell = shellHandlers({ dist, version, paths, window });
  try {
    const headless = await startHeadless({
      acceptors: {
        shell: serveAll(shellContract, shell, serveOptions),
        user,
        machine: pipeAll(() => connectService(serviceSocket(), version)),
      },
      staticDir: join(dist, "renderer"),
      port,
    });
    console.log(headless.url);
    await stopSignal();
    await headless.close();
  } finally {
    await user.close();
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new AppError("INVALID_ARGUMENT", `--port ${text} is not a port: write 0 to 65535`);
}

await runProgram(main);
