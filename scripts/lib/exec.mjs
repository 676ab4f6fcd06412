import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { UserError } from "./console.mjs";

/** An ordinary user's PATH often lacks the directories where mount, runc and iptables live. */
const systemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * @typedef {object} Outcome
 * @property {number} status exit status; 127 when the program does not exist, 128 + n after signal n
 * @property {string} stdout
 * @property {string} output standard output and error, as they came
 */

/**
 * Runs a program to its end without a shell. Never rejects.
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] replaces the environment
 * @param {AbortSignal} [options.signal] kills it
 * @param {boolean} [options.interactive] it may ask on the terminal; nothing is captured
 * @param {(line: string) => void} [options.onLine] called with each line it prints
 * @returns {Promise<Outcome>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      signal: options.signal,
      stdio: options.interactive ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let output = "";
    let rest = "";
    /** @param {string} text */
    const take = (text) => {
      output += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) options.onLine?.(line);
    };
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      take(text);
    });
    child.stderr?.setEncoding("utf8").on("data", take);
    child.on("error", (error) => {
      const missing = /** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT";
      resolve({ status: missing ? 127 : 126, stdout, output: output + error.message });
    });
    child.on("close", (code, signal) => {
      resolve({ status: code ?? 128 + (signal === "SIGINT" ? 2 : 15), stdout, output });
    });
  });
}

/**
 * Runs a program that must succeed.
 * @param {string} command
 * @param {string[]} args
 * @param {Parameters<typeof run>[2] & { failure?: string }} [options] `failure`: what to tell the user
 * @returns {Promise<string>} its standard output
 */
export async function must(command, args, options = {}) {
  const outcome = await run(command, args, options);
  if (outcome.status !== 0) {
    throw new UserError(
      options.failure ?? `${command} ${args[0] ?? ""} failed with status ${outcome.status}.`,
      outcome.output,
    );
  }
  return outcome.stdout;
}

/**
 * Where a command lies: PATH first, then the system directories.
 * @param {string} name
 * @returns {Promise<string | undefined>}
 */
export async function which(name) {
  const path = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  for (const directory of new Set([...path, ...systemDirectories])) {
    const file = join(directory, name);
    if (await exists(file, constants.X_OK)) return file;
  }
  return undefined;
}

/**
 * @param {string} path
 * @param {number} [mode] of access(2); default: it exists
 */
export async function exists(path, mode = constants.F_OK) {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false;
  }
}
