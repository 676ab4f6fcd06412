import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "#shared/errors";

const SavedScreen = z.object({
  data: z.string().max(1_000_000),
  offset: z.number().int().min(0),
  cols: z.number().int().min(1).max(1000),
  rows: z.number().int().min(1).max(1000),
});

/** What a window showed, and the position in the output at which it showed it. */
export type SavedScreen = z.infer<typeof SavedScreen>;

/** The screen kept in a process's directory; undefined when there is none or it can't be read. */
export async function loadScreen(directory: string): Promise<SavedScreen | undefined> {
  try {
    const text = await readFile(join(directory, "screen.json"), "utf8");
    return SavedScreen.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Keeps it, whole or not at all. One call at a time for a directory. */
export async function saveScreen(directory: string, screen: SavedScreen): Promise<void> {
  const path = join(directory, "screen.json");
  const temporary = `${path}.new`;
  try {
    await writeFile(temporary, JSON.stringify(SavedScreen.parse(screen)));
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw AppError.wrap(error, "The terminal's screen can't be kept");
  }
}

/** Forgets it; not an error when there is none. */
export async function dropScreen(directory: string): Promise<void> {
  await rm(join(directory, "screen.json"), { force: true });
}
