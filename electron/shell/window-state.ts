import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/** What the shell remembers of its window between runs: what it must know before the core is there. */
const WindowState = z.object({
  bounds: z
    .object({ x: z.number(), y: z.number(), width: z.number().min(1), height: z.number().min(1) })
    .optional(),
  maximized: z.boolean(),
  theme: z.enum(["system", "dark", "light"]),
});
export type WindowState = z.infer<typeof WindowState>;

export class WindowStateFile {
  readonly #path: string;
  #state: WindowState = { maximized: false, theme: "system" };
  #writing = Promise.resolve();

  constructor(dir: string) {
    this.#path = join(dir, "window.json");
  }

  get state(): WindowState {
    return this.#state;
  }

  /** A file that is missing or damaged counts as none: there is nothing in it to weep for. */
  async load(): Promise<void> {
    try {
      this.#state = WindowState.parse(JSON.parse(await readFile(this.#path, "utf8")));
    } catch {
      // The defaults stay.
    }
  }

  /** Resolves when it is on disk; a failure to write is ignored as one to read is. */
  save(change: Partial<WindowState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    const text = JSON.stringify(this.#state);
    this.#writing = this.#writing.then(() => this.#write(text)).catch(() => undefined);
    return this.#writing;
  }

  /** Resolves when everything that was saved is on disk. */
  written(): Promise<void> {
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(`${this.#path}.new`, text);
    await rename(`${this.#path}.new`, this.#path);
  }
}
