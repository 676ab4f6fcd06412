import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { PublishedPort } from "./network-store.ts";

const Posted = z.array(PublishedPort);

/**
 * Where the managers of this machine tell each other which ports their tables lead to containers: no socket tells of
 * these, and the managers need not run. A file each, in a directory that goes with a reboot, as the tables do.
 */
export class PortBoard {
  readonly #directory: string;
  readonly #own: string;

  constructor(directory: string, table: string) {
    this.#directory = directory;
    this.#own = `${table}.json`;
  }

  /** What others have. */
  async others(): Promise<PublishedPort[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const theirs = names.filter((name) => name !== this.#own && name.endsWith(".json"));
    return (await Promise.all(theirs.map((name) => this.#read(name)))).flat();
  }

  /** Says what this one has; without a port there is no file. */
  async post(ports: PublishedPort[]): Promise<void> {
    const path = join(this.#directory, this.#own);
    if (ports.length === 0) return rm(path, { force: true });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, JSON.stringify(ports));
    await rename(`${path}.new`, path);
  }

  /** One that is gone, or that an unlike version wrote, says nothing. */
  async #read(name: string): Promise<PublishedPort[]> {
    const text = await readFile(join(this.#directory, name), "utf8").catch(() => "[]");
    try {
      return Posted.parse(JSON.parse(text));
    } catch {
      return [];
    }
  }
}
