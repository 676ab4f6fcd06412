import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { AppError } from "#shared/errors";
import type { Ground } from "./ground.ts";
import { ipError } from "./ip-error.ts";

/** Milliseconds that a few changes of interfaces may take: one as a rule. */
const timeout = 30_000;

/**
 * A network namespace that waits for its container: an `ip -batch` was born in it, does there what it is told, and
 * holds it until it is let go of. It ends with its standard input, so with this process too, however that ends; what
 * nobody else has entered by then goes with it.
 */
export class HeldNamespace {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<AppError>;
  #said = "";
  #heard: () => void = () => undefined;

  /** Resolves when its loopback interface is up. Rejects with what kept it from being made. */
  static async make(ground: Pick<Ground, "enter">): Promise<HeldNamespace> {
    const held = new HeldNamespace(ground);
    await held.run(["link set lo up"]);
    return held;
  }

  private constructor({ enter }: Pick<Ground, "enter">) {
    const [file = "", ...args] = enter(["unshare", "--net", "ip", "-batch", "-"]);
    const child = spawn(file, args, { cwd: "/", stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    let words = "";
    // How it ended is told below.
    child.stdin.on("error", () => {});
    child.stdout.on("data", (chunk) => {
      this.#said += String(chunk);
      this.#heard();
    });
    child.stderr.on("data", (chunk) => (words += String(chunk)));
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => resolve(AppError.wrap(error, `${file} could not be started`)));
      child.on("close", (code) => resolve(ipError(words, code)));
    });
    // Who waits to be told to end keeps nobody from ending.
    child.unref();
    for (const pipe of [child.stdin, child.stdout, child.stderr]) {
      (pipe as Partial<NodeJS.RefCounted>).unref?.();
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Valid while it is held. */
  get path(): string {
    return `/proc/${this.pid}/ns/net`;
  }

  /** False: whoever held it has ended. */
  get isHeld(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.pid !== 0;
  }

  /** Changes its interfaces, addresses and routes, by lines of `ip -batch`. One call at a time. */
  async run(lines: string[]): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeout);
    const done = new Promise<void>((resolve) => {
      this.#heard = () => this.#said.includes(answer) && resolve();
    });
    this.#said = "";
    // It says nothing of what was done, but answers a question once all before it is.
    this.#child.stdin.write(`${[...lines, "link show dev lo"].join("\n")}\n`);
    try {
      const error = await Promise.race([done, this.#ended]);
      if (error) throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** From here on it is there for as long as somebody else is in it. Idempotent. */
  release(): void {
    this.#child.stdin.end();
  }
}

/** The end of what `ip link show` says of a loopback interface. */
const answer = "brd 00:00:00:00:00:00\n";
