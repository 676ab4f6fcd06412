import "./node-version.mjs";

/** What the scripts say: one line a step, with how long it took; a spinner only where someone looks. */

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/** A failure whose message is meant for the user: printed without a stack. */
export class UserError extends Error {
  /**
   * @param {string} message what happened, and what to do about it
   * @param {string} [output] the words of the program that failed
   */
  constructor(message, output = "") {
    super(message);
    this.output = output;
  }
}

/** The steps that run now, with what they report; several may run at once. @type {Map<string, string>} */
const running = new Map();
/** @type {NodeJS.Timeout | undefined} */
let spinner;
let frame = 0;

/**
 * Runs `work` and prints one line for it when it is done.
 * @template T
 * @param {string} name what is being done: `Installing 12 packages`
 * @param {(progress: (detail: string) => void) => Promise<T>} work may report details, shown on a tty only
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const started = performance.now();
  running.set(name, "");
  if (process.stderr.isTTY) spinner ??= setInterval(draw, 100);
  else say(`  ${name} ...`);
  /** @param {string} mark */
  const finish = (mark) => {
    running.delete(name);
    say(`${mark} ${name} (${seconds(started)})`);
    if (running.size > 0) return;
    clearInterval(spinner);
    spinner = undefined;
  };
  try {
    const result = await work((detail) => void running.set(name, detail));
    finish("✓");
    return result;
  } catch (error) {
    finish("✗");
    throw error;
  }
}

function draw() {
  const steps = [...running].map(([name, detail]) => name + (detail && ` (${detail})`));
  const line = `${frames[frame++ % frames.length]} ${steps.join(" · ")}`;
  process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[2K" : ""}${line}\n`);
}

/**
 * @param {number} started a reading of performance.now()
 * @returns {string} `3.2 s`
 */
export function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/**
 * A script's body: a UserError is told in its own words, anything else with its stack; both end the
 * process with status 1.
 * @param {() => Promise<number | void>} main answers the exit status
 */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (error instanceof UserError) {
      const output = shorten(error.output.trim());
      process.stderr.write(`\n${output ? `${output}\n\n` : ""}${error.message}\n`);
    } else {
      console.error(error);
    }
    process.exitCode = 1;
  }
}

/**
 * Enough of a program's words to see why it failed: some say it first and then explain their usage.
 * @param {string} output
 */
function shorten(output) {
  const lines = output.split("\n");
  if (lines.length <= 40) return output;
  return [...lines.slice(0, 15), "...", ...lines.slice(-25)].join("\n");
}
