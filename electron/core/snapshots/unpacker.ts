import { type ChildProcess, spawn } from "node:child_process";
import { AppError } from "#shared/errors";
import { commandError, killGroup } from "../host/command.ts";
import { type LayerPlan, planPrivileges } from "./layer.ts";

/** So much is written at once; bytes. */
const batchSize = 1024 * 1024;
/** Headers and files smaller than this, of which there may be thousands in a batch, are put together; bytes. */
const smallSize = 16 * 1024;
/** What a tool said of what it could not do; bytes. */
const maxOutput = 64 * 1024;

/** A child process that turns a checked tar into a layer, or into files. */
export interface Unpacker {
  /** A promise when the caller must wait before the next call. What is given must not be changed until it is flushed. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Resolves when all that was written has been taken, and is the caller's again. */
  flush(): Promise<void>;
  /** Resolves when all of it is unpacked; rejects with what the tool said. */
  end(): Promise<void>;
  /** Ends it at once; resolves when it has ended. If it failed by itself before, rejects with what it said. */
  kill(): Promise<void>;
}

/**
 * `target` is what it makes: a file, or an existing empty directory. The child ends with the thread that started it
 * (prctl(2), PR_SET_PDEATHSIG), or it would go on filling the disk after this manager was killed, while the next one
 * removes what it made.
 */
export function startUnpacker(
  plan: Pick<LayerPlan, "kind" | "rootless" | "mkfs">,
  target: string,
  signal: AbortSignal | undefined,
): Unpacker {
  const argv = plan.kind === "erofs" ? mkfsArgs(plan, target) : tarArgs(target);
  const [file = "", ...args] = planPrivileges(plan).asRoot([
    ...["setpriv", "--pdeathsig", "KILL", "--"],
    ...argv,
  ]);
  const child = spawn(file, args, {
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
    // In C tools say errors in the words that are known here, and take names for bytes.
    env: { ...process.env, LC_ALL: "C" },
  });
  return new ChildUnpacker(child, argv[0] as string, signal);
}

/** Not compressed, and in the order of the archive: made as fast as it can be written, and read as any file. */
function mkfsArgs({ mkfs }: Pick<LayerPlan, "mkfs">, target: string): string[] {
  if (mkfs === undefined) throw new AppError("NOT_FOUND", "mkfs.erofs is not installed");
  const options = ["--quiet", "--tar=f", "--preserve-mtime", "-Enoinline_data", "--sort=none"];
  return [mkfs, ...options, target];
}

function tarArgs(target: string): string[] {
  return [
    ...["tar", "--extract", "--file=-", `--directory=${target}`],
    ...["--numeric-owner", "--same-owner", "--preserve-permissions", "--delay-directory-restore"],
    ...["--xattrs", "--xattrs-include=*"],
    ...["--warning=no-timestamp", "--warning=no-unknown-keyword"],
  ];
}

class ChildUnpacker implements Unpacker {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ended: Promise<void>;
  #pieces: Uint8Array[] = [];
  #pending = 0;
  /** Small pieces one after the other, used again for each batch; those from `#joinedFrom` on are in no piece yet. */
  readonly #joined = Buffer.allocUnsafeSlow(batchSize + smallSize);
  #joinedFrom = 0;
  #joinedTo = 0;
  #said = "";
  #killed = false;
  #failure: AppError | undefined;
  #closed = false;
  /** Called when the child has ended, for who waits until it takes more. */
  #goOn = (): void => {};

  constructor(child: ChildProcess, name: string, signal: AbortSignal | undefined) {
    this.#child = child;
    this.#name = name;
    // A child that ends early says why; what could not be written to it is its consequence.
    child.stdin?.on("error", () => {});
    child.stderr?.on("data", (chunk: Buffer) => {
      if (this.#said.length < maxOutput) this.#said += chunk.toString("utf8");
    });
    const onAbort = (): void => killGroup(child, "SIGKILL");
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#ended = new Promise((resolve) => {
      child.on("error", (error) => {
        this.#failure = AppError.wrap(error, `${name} could not be started`);
        this.#closed = true;
        this.#goOn();
        resolve();
      });
      child.on("close", (code) => {
        if (signal?.aborted) {
          this.#failure = new AppError("CANCELLED", "The operation was cancelled");
        } else if (code !== 0 && !this.#killed) {
          this.#failure ??= this.#error(code ?? 137);
        }
        signal?.removeEventListener("abort", onAbort);
        this.#closed = true;
        this.#goOn();
        resolve();
      });
    });
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure) throw this.#failure;
    this.#pending += bytes.length;
    if (bytes.length < smallSize) {
      this.#joined.set(bytes, this.#joinedTo);
      this.#joinedTo += bytes.length;
    } else {
      this.#join();
      this.#pieces.push(bytes);
    }
    return this.#pending < batchSize ? undefined : this.flush();
  }

  #join(): void {
    const joined = this.#joined.subarray(this.#joinedFrom, this.#joinedTo);
    if (joined.length > 0) this.#pieces.push(joined);
    this.#joinedFrom = this.#joinedTo;
  }

  async end(): Promise<void> {
    await this.flush();
    this.#child.stdin?.end();
    await this.#ended;
    if (this.#failure) throw this.#failure;
  }

  async kill(): Promise<void> {
    // Its own failure is the cause of ours, and is known a moment later.
    const { exitCode, signalCode, stdin } = this.#child;
    if (exitCode === null && signalCode === null && stdin?.errored == null) {
      this.#killed = true;
      killGroup(this.#child, "SIGKILL");
    }
    await this.#ended;
    if (this.#failure) throw this.#failure;
  }

  async flush(): Promise<void> {
    const { stdin } = this.#child;
    this.#join();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#pending = this.#joinedFrom = this.#joinedTo = 0;
    if (!stdin || pieces.length === 0) return;
    stdin.cork();
    const written = new Promise<void>((resolve) => {
      this.#goOn = resolve;
      let left = pieces.length;
      for (const piece of pieces) {
        stdin.write(piece, () => {
          left -= 1;
          if (left === 0) resolve();
        });
      }
    });
    stdin.uncork();
    if (!this.#closed) await written;
    if (this.#failure) throw this.#failure;
  }

  #error(code: number): AppError {
    const [, id] = /change ownership to uid (\d+, gid \d+): Invalid/.exec(this.#said) ?? [];
    if (id !== undefined) {
      return new AppError(
        "FAILED_PRECONDITION",
        `It has files of a user for whom there is no id here: uid ${id}`,
        {
          hint: "An ordinary user's containers have the ids that /etc/subuid and /etc/subgid give. Have more added there.",
          output: this.#said,
        },
      );
    }
    const output = Buffer.from(this.#said);
    const empty = Buffer.alloc(0);
    return AppError.wrap(
      commandError(this.#name, { code, stdout: empty, stderr: output, truncated: false }),
      "The archive could not be unpacked",
    );
  }
}
