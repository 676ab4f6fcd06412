import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Paths, resolvePaths } from "#core/host/paths";
import { AppError } from "#shared/errors";

/** Milliseconds that stopping waits for the core to close; whatever does not end by then, a restart can cope. */
const CLOSE_DEADLINE = 5000;

/** This build's directory. Everything built lies one folder deep in it. */
export const dist = join(import.meta.dirname, "..");

/** In a package they lie beside the archive, where programs that can't look into it find them. */
export const shippedExtensions = join(
  dist,
  dist.includes(".asar") ? "../../extensions" : "../extensions",
);

/** Those of whoever runs this program, or below SHIMYARD_ROOT. */
export function ownPaths(): Paths {
  return resolvePaths(process.env, process.getuid?.() ?? 0, homedir(), process.env.SHIMYARD_ROOT);
}

export async function ownVersion(): Promise<string> {
  const text = await readFile(join(dist, "../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** Runs a program of a terminal or a service, and says why when it can't. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  // A stray error in one listener must not take the manager down.
  process.on("uncaughtException", (error) => console.error("Unforeseen:", error));
  try {
    await main();
  } catch (error) {
    const { message, details } = AppError.from(error);
    console.error([`Shimyard can't start: ${message}`, details.hint].filter(Boolean).join("\n"));
    process.exitCode = 1;
  }
}

/** Resolves when the program is asked to end; it then has a few seconds for that. */
export async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => resolve());
  });
  setTimeout(() => process.exit(0), CLOSE_DEADLINE).unref();
}
