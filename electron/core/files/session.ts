import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { AppError } from "#shared/errors";
import { createClient } from "#shared/rpc/client";
import type { Client } from "#shared/rpc/define";
import { workerUrl } from "../base/worker.ts";
import { wordsCode } from "../host/command.ts";
import type { AgentContract, AgentRoots } from "./agent-contract.ts";
import { pipeChannel } from "../base/pipe-channel.ts";

/** An agent that nobody asks anything is kept for so long: who looks into one directory, looks into the next. Milliseconds. */
const idleTime = 10_000;
/** Of what it says on standard error, characters. */
const maxSaid = 16 * 1024;

/** argv of the agent itself: this program as a Node, in Electron too. */
export function agentArgv(): string[] {
  return [process.execPath, fileURLToPath(workerUrl("files-agent", import.meta.url))];
}

/** One running agent, and who uses it. It ends itself when nobody does any more. */
export class Session {
  readonly #child: ChildProcess;
  readonly #client: Client<AgentContract>;
  readonly #opened: Promise<unknown>;
  readonly #exited: Promise<void>;
  readonly #onEnd: () => void;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;
  #ended: AppError | undefined;
  #closed = false;
  #said = "";

  /** `subject` is whose files they are, for errors: `container "web"`. `onEnd` is called once. */
  constructor(options: { argv: string[]; roots: AgentRoots; subject: string; onEnd: () => void }) {
    const { argv, roots, subject, onEnd } = options;
    const [file = "", ...args] = argv;
    this.#onEnd = onEnd;
    this.#child = spawn(file, args, {
      cwd: "/",
      env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
      stdio: "pipe",
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      if (this.#said.length < maxSaid) this.#said += chunk.toString("utf8");
    });
    this.#exited = new Promise((resolve) => {
      this.#child.on("error", (error) => {
        void this.end(
          AppError.wrap(error, `The files of ${subject} can't be reached`, { subject }),
        );
        resolve();
      });
      this.#child.on("close", () => {
        const output = this.#said.trim();
        const code = wordsCode(output) ?? "UNAVAILABLE";
        void this.end(
          new AppError(code, `The files of ${subject} can't be reached`, { subject, output }),
        );
        resolve();
      });
    });
    const channel = pipeChannel(this.#child.stdout as Readable, this.#child.stdin as Writable);
    channel.onClose(() => {
      this.#closed = true;
    });
    this.#client = createClient(channel);
    this.#opened = this.#client.call("agent.open", roots);
    // Whoever uses it hears of it too; the next one begins anew.
    this.#opened.catch(async (error: unknown) => this.end(await this.#reason(error)));
  }

  /** Runs `body` on the agent. What fails because it was ended, fails with the reason of that. */
  async use<T>(body: (client: Client<AgentContract>) => Promise<T>): Promise<T> {
    this.#enter();
    try {
      await this.#opened;
      return await body(this.#client);
    } catch (error) {
      throw await this.#reason(error);
    } finally {
      this.#leave();
    }
  }

  /** As `use`, for as long as the items are read. */
  async *stream<T>(body: (client: Client<AgentContract>) => AsyncIterable<T>): AsyncGenerator<T> {
    this.#enter();
    try {
      await this.#opened;
      yield* body(this.#client);
    } catch (error) {
      throw await this.#reason(error);
    } finally {
      this.#leave();
    }
  }

  /** Ends the agent, and with it what it does: calls fail with `reason`. Resolves when it has gone, and all its mounts. */
  async end(reason: AppError): Promise<void> {
    if (!this.#ended) {
      this.#ended = reason;
      clearTimeout(this.#idle);
      this.#child.kill("SIGKILL");
      this.#onEnd();
    }
    await this.#exited;
  }

  #enter(): void {
    this.#users += 1;
    clearTimeout(this.#idle);
  }

  #leave(): void {
    this.#users -= 1;
    if (this.#users > 0 || this.#ended) return;
    this.#idle = setTimeout(() => {
      void this.end(new AppError("UNAVAILABLE", "Nobody has used it"));
    }, idleTime).unref();
  }

  async #reason(thrown: unknown): Promise<AppError> {
    const error = AppError.from(thrown);
    if (error.code === "CANCELLED") return error;
    // The pipe breaks a moment before the end of the process tells why.
    if (this.#closed) await this.#exited;
    return this.#ended ?? error;
  }
}
