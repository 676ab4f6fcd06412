import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHandlers } from "#api/index";
import { createCore } from "#core/core";
import { resolvePaths } from "#core/host/paths";
import { contract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import { startHeadless } from "./server.ts";

/** Milliseconds that stopping waits for the core to close. */
const CLOSE_DEADLINE = 5000;

/**
 * Browser mode: the core and its window on a port of 127.0.0.1, until SIGTERM or SIGINT. Prints the
 * address to open as its only line on standard output. Options: --port N (else any that is free).
 * SHIMYARD_ROOT as for the app.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
  const port = parsePort(values.port);
  const paths = resolvePaths(
    process.env,
    process.getuid?.() ?? 0,
    homedir(),
    process.env.SHIMYARD_ROOT,
  );
  const core = await createCore({
    ...{ paths, version: await ownVersion(), kind: "headless" },
    shippedExtensions: join(import.meta.dirname, "../../extensions"),
  });
  try {
    const headless = await startHeadless({
      contract,
      handlers: createHandlers(core, {
        pickPath: () => {
          throw new AppError("UNIMPLEMENTED", "A browser has no picker for paths of this machine");
        },
        host: () => ({ shell: "browser", pickPath: false }),
      }),
      staticDir: join(import.meta.dirname, "../renderer"),
      port,
      serve: {
        checkOutput: process.env.NODE_ENV === "test",
        onUnexpected: (error, method) => console.error(`${method} failed unforeseen:`, error),
      },
    });
    console.log(headless.url);
    await stopSignal();
    // Whatever does not end by then, a restart can cope.
    setTimeout(() => process.exit(0), CLOSE_DEADLINE).unref();
    await headless.close();
  } finally {
    await core.close();
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new AppError("INVALID_ARGUMENT", `--port ${text} is not a port: write 0 to 65535`);
}

async function ownVersion(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "../../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve());
  });
}

// A stray error in one listener must not take the manager down.
process.on("uncaughtException", (error) => console.error("Unforeseen:", error));

try {
  await main();
} catch (error) {
  const { message, details } = AppError.from(error);
  console.error([`Shimyard can't start: ${message}`, details.hint].filter(Boolean).join("\n"));
  process.exitCode = 1;
}
