import { rename, writeFile } from "node:fs/promises";

/** So that a reader sees the old content or the new, never a part. */
export async function writeAtomically(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: 0o600 });
  await rename(temporary, path);
}
