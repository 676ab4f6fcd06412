import { parseArgs } from "node:util";
import { AppError } from "#shared/errors";
import { openManager } from "../open-manager.ts";
import { ownPaths, ownVersion, runProgram, shippedExtensions, stopSignal } from "../program.ts";
import { Admission } from "./admission.ts";
import { startService } from "./service-server.ts";
import { defaultGroup, serviceSocket } from "./set-up.ts";

/**
 * The machine's manager: root's core, its API at a unix socket, until SIGTERM or SIGINT. Who is let in, and who is
 * not, goes to standard output, a line each, after the line that says where it listens. Options: --socket PATH,
 * --group NAME (whose members may use it). SHIMYARD_ROOT as for the app.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      socket: { type: "string", default: serviceSocket() },
      group: { type: "string", default: defaultGroup },
    },
  });
  if (process.getuid?.() !== 0) {
    throw new AppError("PERMISSION_DENIED", "Only root can run the machine's manager", {
      hint: "An ordinary user's containers need no service: open the window.",
    });
  }
  const version = await ownVersion();
  const manager = await openManager({
    ...{ paths: ownPaths(), version, kind: "service" },
    shippedExtensions,
  });
  try {
    const service = await startService({
      ...{ path: values.socket, version, acceptor: manager, log: console.log },
      admission: new Admission(values.group),
    });
    console.log(`Listening at ${values.socket}`);
    await stopSignal();
    await service.close();
  } finally {
    await manager.close();
  }
}

await runProgram(main);
