import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { release } from "node:os";
import { dirname } from "node:path";
import { z } from "zod";
import { bootId } from "#core/host/proc";
import { RuntimeInfo } from "#shared/contract/system";
import { writeAtomically } from "#core/base/write-atomically";

/** Paths by name: what a probe's outcome depends on; undefined where it is not installed. */
export type Binaries = Record<string, string | undefined>;

const memorySchema = z.object({
  key: z.string(),
  /** By the binaries' names. */
  versions: z.record(z.string(), z.string()),
  infos: z.array(RuntimeInfo),
});

/** A file in `data`: what was probed, for as long as nothing it depends on has changed. */
export class HostMemory {
  readonly #path: string;
  readonly #key: string;
  readonly #known: z.infer<typeof memorySchema> | undefined;

  private constructor(path: string, key: string, known: z.infer<typeof memorySchema> | undefined) {
    this.#path = path;
    this.#key = key;
    this.#known = known;
  }

  /** `more`: what else the outcome depends on. */
  static async open(path: string, binaries: Binaries, more?: unknown): Promise<HostMemory> {
    const parts = await Promise.all(
      Object.entries(binaries).map(async ([name, file]) => {
        const stats = file ? await stat(file).catch(() => undefined) : undefined;
        return [name, file, stats?.mtimeMs, stats?.size];
      }),
    );
    const facts = JSON.stringify([3, await bootId(), release(), process.getuid?.(), parts, more]);
    const key = createHash("sha256").update(facts).digest("hex");
    let known: z.infer<typeof memorySchema> | undefined;
    try {
      known = memorySchema.parse(JSON.parse(await readFile(path, "utf8")));
    } catch {
      // Absent, or damaged: what it knows can be found out again.
    }
    return new HostMemory(path, key, known?.key === key ? known : undefined);
  }

  get infos(): RuntimeInfo[] | undefined {
    return this.#known?.infos;
  }

  get versions(): Record<string, string> {
    return this.#known?.versions ?? {};
  }

  /** Not when nothing worked: a full disk may have been the reason. */
  async keep(versions: Record<string, string>, infos: RuntimeInfo[]): Promise<void> {
    if (!infos.some(({ usable }) => usable.ok)) return;
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o711 });
    await writeAtomically(this.#path, JSON.stringify({ key: this.#key, versions, infos }));
  }
}
