import { AppError } from "#shared/errors";
import type { ProcessBase } from "./process-base.ts";

/** The processes of one task: its init, once it is known, and the execs in it, exited ones until removed. */
export class ProcessList<P extends ProcessBase> {
  readonly #subject: string;
  readonly #execs = new Map<string, P>();
  #init: P | undefined;

  /** `subject` is the task as errors call it. */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** undefined until it was added. */
  get init(): P | undefined {
    return this.#init;
  }

  get execs(): P[] {
    return [...this.#execs.values()];
  }

  /** init first, where there is one. */
  get all(): P[] {
    return [...(this.#init ? [this.#init] : []), ...this.#execs.values()];
  }

  /** INTERNAL before it was added. */
  requireInit(): P {
    if (!this.#init) throw new AppError("INTERNAL", `${this.#subject} has no first process`);
    return this.#init;
  }

  get(id: string): P | undefined {
    return id === "init" ? this.#init : this.#execs.get(id);
  }

  add(process: P): void {
    if (process.id === "init") this.#init = process;
    else this.#execs.set(process.id, process);
  }

  forget(id: string): void {
    this.#execs.delete(id);
  }

  /** Resolves when nothing is being written into any directory. */
  async settled(): Promise<void> {
    await Promise.all(this.all.map((process) => process.settled()));
  }

  dispose(): void {
    for (const process of this.all) process.dispose();
  }
}
