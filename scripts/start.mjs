import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./lib/build.mjs";
import { runMain, say, UserError } from "./lib/console.mjs";
import { root } from "./lib/places.mjs";
import { setUp } from "./lib/set-up.mjs";
import { sandboxRefusal } from "./lib/user-namespaces.mjs";

const usage = `npm start [-- OPTIONS]: installs what is missing, builds, and opens Shimyard.

  --browser     serve the window to a browser instead of opening Electron
  --root DIR    keep all data in DIR instead of this user's usual place
  --help`;

await runMain(async () => {
  const { values } = options();
  if (values.help) return say(usage);
  const screen = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
  const browser = values.browser || !screen;
  if (!screen && !values.browser) say("No screen here: serving the window to a browser.");

  const { electron, env } = await setUp({ electron: !browser });
  await build();
  if (values.root) env.SHIMYARD_ROOT = resolve(values.root);

  const refusal = electron && (await sandboxRefusal(electron.path));
  if (refusal) say(`${refusal}\n\nServing the window to a browser.`);
  if (!electron || refusal) {
    say("Open this address in a browser on this machine; whoever has it can use Shimyard:");
    return runInForeground(process.execPath, [join(root, "dist/headless/main.js")], env);
  }
  // Fatal ones alone: on machines without a session bus or a GPU Chromium logs an error for each.
  const flags = ["--log-level=3"];
  if (process.getuid?.() === 0) {
    say("Started as root: Chromium's sandbox is off (--no-sandbox), as it can't be had for root.");
    flags.push("--no-sandbox");
  }
  return runInForeground(join(electron.path, "electron"), [...flags, root], env);
});

function options() {
  try {
    return parseArgs({
      options: {
        browser: { type: "boolean", default: false },
        root: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/**
 * Runs a program as if it had been started instead of this script: same terminal, signals passed on.
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} its exit status
 */
function runInForeground(command, args, env) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    for (const signal of /** @type {const} */ (["SIGINT", "SIGHUP"])) {
      // A terminal sends these to the program too: once is enough.
      process.on(signal, () => process.stdin.isTTY || child.kill(signal));
    }
    child.on("error", fail);
    child.on("close", (code, signal) => done(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}
