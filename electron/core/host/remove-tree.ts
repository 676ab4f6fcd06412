import { rm } from "node:fs/promises";
import { AppError } from "#shared/errors";
import { mustRun } from "./command.ts";
import type { Privileges } from "./privileges.ts";

/** A day, in milliseconds: a container may have written millions of files. */
const longest = 24 * 3600 * 1000;

/**
 * Removes a directory whose files may belong to any user of a container: an ordinary user can't
 * without entering a user namespace. Idempotent; never follows symbolic links.
 */
export async function removeTree(path: string, privileges: Privileges): Promise<void> {
  try {
    // What was just killed may be about to make a last file.
    await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
  } catch (error) {
    if (!privileges.rootless) throw AppError.wrap(error, `${path} can't be removed`);
    await mustRun(privileges.asRoot(["rm", "-rf", "--", path]), { timeout: longest });
  }
}
