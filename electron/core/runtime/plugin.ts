import { AppError } from "#shared/errors";
import type { Runtime } from "./runtime.ts";

/** Runtimes whose ids say all there is to know of them, so that they need not be found before one is asked for. */
export interface RuntimePlugin {
  /** `containerd`: makes runtimes whose ids begin with `containerd/`. */
  type: string;
  make(id: string): Runtime;
}

/** The runtimes of this manager, by id. Filled once at start and again when the host is probed anew. */
export class RuntimeRegistry {
  readonly #runtimes = new Map<string, Runtime>();
  readonly #plugins = new Map<string, RuntimePlugin>();

  /** Its runtimes are listed once they were asked for. */
  plug(plugin: RuntimePlugin): void {
    this.#plugins.set(plugin.type, plugin);
  }

  set(runtime: Runtime): void {
    this.#runtimes.set(runtime.id, runtime);
  }

  get(id: string): Runtime {
    const runtime = this.#runtimes.get(id) ?? this.#make(id);
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

  #make(id: string): Runtime | undefined {
    const runtime = this.#plugins.get(id.split("/", 1)[0] ?? "")?.make(id);
    if (runtime) this.set(runtime);
    return runtime;
  }
}
