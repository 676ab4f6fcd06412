import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Whether what criu has written into a directory can only be restored into a network namespace that is there already,
 * as the one was that it was taken in: runc has criu leave those alone that it was given, under this name.
 */
export async function needsNetwork(images: string): Promise<boolean> {
  const names = await readdir(images).catch(() => []);
  const described = names.filter((name) => /^netns-\d+\.img$/.test(name));
  const texts = described.map((name) => readFile(join(images, name), "latin1").catch(() => ""));
  return (await Promise.all(texts)).some((text) => text.includes("extRootNetNS"));
}
