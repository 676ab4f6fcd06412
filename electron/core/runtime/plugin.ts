import { AppError } from "#shared/errors";
import type { Runtime } from "./runtime.ts";

/** A runtime as it registers: data, and a function that makes it when this host can have it. */
export interface RuntimePlugin<Context> {
  /** `oci`: makes runtimes whose ids begin with `oci/`. */
  type: string;
  /** Answers the runtimes this host can run; an empty list where there is none. */
  init(context: Context): Promise<Runtime[]>;
}

/** The runtimes of this manager, by id. Filled once at start and again when the host is probed anew. */
export class RuntimeRegistry {
  readonly #runtimes = new Map<string, Runtime>();

  set(runtime: Runtime): void {
    this.#runtimes.set(runtime.id, runtime);
  }

  get(id: string): Runtime {
    const runtime = this.#runtimes.get(id);
    if (!runtime) {
      throw new AppError("NOT_FOUND", `The runtime "${id}" is not available on this machine`, {
        hint: `Choose one of: ${[...this.#runtimes.keys()].join(", ") || "none is installed"}. The System page says what is missing.`,
      });
    }
    return runtime;
  }

  list(): Runtime[] {
    return [...this.#runtimes.values()];
  }
}
