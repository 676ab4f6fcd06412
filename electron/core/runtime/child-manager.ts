import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { workerUrl } from "#core/base/worker";
import type { RuntimeInfo } from "#shared/contract/system";

/** argv of a manager of the runtimes of this host, but for the root's directory and what else it takes. */
export function taskManagerArgv(): string[] {
  const program = workerUrl("task-manager.test", import.meta.url);
  return [process.execPath, fileURLToPath(program)];
}

/** A manager in another process (task-manager.test.worker.ts), to be killed or run as another user in tests. */
export class ChildManager {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  #errors = "";
  infos: RuntimeInfo[] = [];

  private constructor(argv: string[], env: NodeJS.ProcessEnv) {
    const [file = "", ...args] = argv;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env });
    this.#child.stderr.on("data", (chunk) => {
      this.#errors += String(chunk);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Resolves when it has loaded. */
  static async start(argv: string[], env: NodeJS.ProcessEnv = process.env): Promise<ChildManager> {
    const manager = new ChildManager(argv, env);
    const ready = (await manager.#next()) as { infos: RuntimeInfo[] };
    manager.infos = ready.infos;
    return manager;
  }

  /** The answer's value; rejects with the AppError's plain data. */
  async ask(command: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const answer = (await this.#next()) as { ok?: unknown; error?: object };
    if (answer.error) throw answer.error;
    return answer.ok;
  }

  /** As a crash does: nothing in it gets to run. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #next(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the manager ended: ${this.#errors}`);
    return JSON.parse(value);
  }
}
