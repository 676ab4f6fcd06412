import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { constants as osConstants } from "node:os";
import type { Readable } from "node:stream";
import { AppError } from "#shared/errors";

export interface CommandOptions {
  signal?: AbortSignal;
  /** Milliseconds until it is killed and the call rejects DEADLINE_EXCEEDED; what it has started goes on. Default 30 s. */
  timeout?: number;
  /** Bytes, or a file descriptor that the caller closes. */
  stdin?: Uint8Array | number;
  /** Gets standard output as it comes; then none of it is kept. */
  onStdout?: (chunk: Buffer) => void;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Bytes kept per stream; what is beyond is read and dropped. Default 64 KiB. */
  maxOutput?: number;
  /** The command itself, where somebody has started it already, in a process group of its own. */
  started?: StartedCommand | undefined;
  /** How a command that must end is asked to: default kills it at once. */
  onStop?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** A command whose exit status comes another way than by its process's. */
export interface StartedCommand {
  child: ChildProcess;
  /** undefined when it was killed. Known once its pipes are closed. */
  code(): number | undefined;
}

export interface CommandResult {
  /** 0..255, or 128 + signal number when a signal ended it. */
  code: number;
  stdout: Buffer;
  stderr: Buffer;
  truncated: boolean;
}

/** 64 KiB: more of a tool's words helps nobody, and AppError's `output` promises no more. */
const defaultMaxOutput = 64 * 1024;
const defaultTimeout = 30_000;
/** Milliseconds that a command which was ended has its pipes read on: what it has started may hold them for ever. */
const pipesGrace = 1000;

/**
 * Runs a command to its end and answers its code and output, whatever the code. No shell is involved.
 * Rejects NOT_FOUND when there is no such binary, CANCELLED on abort, DEADLINE_EXCEEDED after `timeout`.
 */
export function runCommand(argv: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new AppError("INVALID_ARGUMENT", "There is no command to run");
  const { signal, timeout = defaultTimeout, maxOutput = defaultMaxOutput } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new AppError("CANCELLED", "The operation was cancelled"));
      return;
    }
    const { started } = options;
    const stdin = typeof options.stdin === "number" ? options.stdin : options.stdin && "pipe";
    const stdio: StdioOptions = [stdin ?? "ignore", "pipe", "pipe"];
    const child =
      started?.child ??
      spawn(file, args, { cwd: options.cwd, env: options.env, stdio, windowsHide: true });
    let stopped: AppError | undefined;
    const stop = (error: AppError): void => {
      if (stopped) return;
      stopped = error;
      const kill = (name: NodeJS.Signals): void =>
        void (started ? killGroup(child, name) : child.kill(name));
      if (options.onStop) options.onStop(kill);
      else kill("SIGKILL");
      if (child.exitCode !== null || child.signalCode !== null) closePipes();
    };
    let closing: NodeJS.Timeout | undefined;
    const closePipes = (): void => {
      closing ??= setTimeout(() => {
        for (const pipe of child.stdio) (pipe as Readable | undefined)?.destroy();
      }, pipesGrace);
    };
    const timer = setTimeout(() => {
      stop(
        new AppError("DEADLINE_EXCEEDED", `${file} did not finish within ${timeout / 1000} s`, {
          output: collectErr.text(),
        }),
      );
    }, timeout);
    const onAbort = (): void => stop(new AppError("CANCELLED", "The operation was cancelled"));
    signal?.addEventListener("abort", onAbort, { once: true });
    const collectOut = collector(maxOutput);
    const collectErr = collector(maxOutput);
    child.stdout?.on("data", options.onStdout ?? collectOut.push);
    child.stderr?.on("data", collectErr.push);
    // A command that ends without reading its input is its own business.
    child.stdin?.on("error", () => {});
    if (typeof options.stdin !== "number" && !started) child.stdin?.end(options.stdin);
    const done = (): void => {
      clearTimeout(timer);
      clearTimeout(closing);
      signal?.removeEventListener("abort", onAbort);
    };
    child.on("exit", () => {
      if (stopped) closePipes();
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      done();
      reject(
        error.code === "ENOENT"
          ? new AppError("NOT_FOUND", `${file} is not installed`, { subject: file }, error)
          : AppError.wrap(error, `${file} could not be started`),
      );
    });
    child.on("close", (code, signalName) => {
      done();
      if (stopped) {
        reject(stopped);
        return;
      }
      resolve({
        code: (started ? started.code() : code) ?? 128 + signalNumber(signalName ?? "SIGKILL"),
        stdout: collectOut.bytes(),
        stderr: collectErr.bytes(),
        truncated: collectOut.truncated() || collectErr.truncated(),
      });
    });
  });
}

/** As runCommand, but a code other than 0 rejects with what the command said. Answers standard output. */
export async function mustRun(argv: string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code !== 0) throw commandError(argv[0] ?? "", result);
  return result.stdout.toString("utf8");
}

/** A failed command as an error: its last line in the sentence, all its words in `output`. */
export function commandError(name: string, result: CommandResult): AppError {
  const output = result.stderr.toString("utf8").trim() || result.stdout.toString("utf8").trim();
  const last = lastWords(output) || `it ended with code ${result.code}`;
  const code = wordsCode(output) ?? "UNKNOWN";
  // A tool that another one started says who it is: `unshare tar ...` fails with "tar: ...".
  const message = /^[\w.-]+: /.test(last) ? last : `${name.split("/").at(-1)}: ${last}`;
  return new AppError(code, message, { output });
}

/** The last line of what a tool said that tells something: mount(8) ends with where more may be found. */
export function lastWords(output: string): string {
  const lines = output.trim().split("\n");
  return lines.findLast((line) => !/^\s*dmesg\(1\) may have more/.test(line)) ?? "";
}

/** strerror(3) texts, as tools print them, to codes. */
export function wordsCode(words: string): AppError["code"] | undefined {
  for (const [pattern, code] of kernelWords) if (pattern.test(words)) return code;
  return undefined;
}

const kernelWords: [RegExp, AppError["code"]][] = [
  [/no space left on device|disk quota exceeded/i, "RESOURCE_EXHAUSTED"],
  [
    /cannot allocate memory|too many open files|resource temporarily unavailable/i,
    "RESOURCE_EXHAUSTED",
  ],
  [/operation not permitted|permission denied|read-only file system/i, "PERMISSION_DENIED"],
  [/no such file or directory|no such process/i, "NOT_FOUND"],
  [/file exists/i, "ALREADY_EXISTS"],
  [/device or resource busy/i, "UNAVAILABLE"],
  [/invalid argument|file name too long/i, "INVALID_ARGUMENT"],
];

function collector(max: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  let cut = false;
  return {
    push: (chunk: Buffer): void => {
      const room = max - size;
      if (chunk.length > room) cut = true;
      if (room <= 0) return;
      const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
      chunks.push(kept);
      size += kept.length;
    },
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString("utf8"),
    truncated: () => cut,
  };
}

function signalNumber(name: NodeJS.Signals): number {
  return osConstants.signals[name] ?? 0;
}

/**
 * Of a child that was started `detached`. unshare has a helper for a moment, which waits for it for ever, and keeps its
 * pipes open, when unshare alone is killed then.
 */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}
