import { spawn } from "node:child_process";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { seconds } from "./console.mjs";
import { OrdinaryUser } from "./ordinary-user.mjs";
import { root } from "./places.mjs";
import { readCounts } from "./reports.mjs";

/**
 * @typedef {object} Stage
 * @property {string[][]} commands run one after the other, until one fails
 * @property {string} [report] where the last command writes its JSON report, under test-results/
 * @property {boolean} [asUser] it runs as an ordinary user, whom root makes for it
 * @property {boolean} needsApp it runs what the build made, on this system's runtimes
 */

/**
 * @typedef {import("./reports.mjs").Counts & { name: string, ok: boolean, time: string }} Result
 */

const results = join(root, "test-results");

/**
 * @param {string} name
 * @param {string[]} projects
 * @param {string[]} [files] only those
 */
const vitest = (name, projects, files = []) => [
  "vitest",
  "run",
  ...files,
  ...projects.flatMap((project) => ["--project", project]),
  // Each test with why it is skipped, or only what is out of the ordinary.
  `--reporter=${files.length > 0 ? "verbose" : "default"}`,
  "--reporter=json",
  `--outputFile.json=test-results/${name}.json`,
];

/** The behaviour of what an ordinary user's containers differ in; the rest is the same whoever has them. */
const rootlessFiles = [
  ...["runtime/oci/oci.", "containers/containers.", "containers/spec/", "logs/", "terminals/"],
  ...["files/", "snapshots/containers.", "images/archives.", "network/", "survival."],
].map((path) => `electron/core/${path}`);

/** Of these, what takes as long as all the others, and is as it is for root. */
const longOnes = ["in a loop never leads out", "a hundred thousand entries"];

/** In the order in which they run: what is quick to fail comes first. */
export const stages = /** @satisfies {Record<string, Stage>} */ ({
  lint: {
    commands: [
      ["oxlint", "--type-aware"],
      ["oxfmt", "--check"],
    ],
    needsApp: false,
  },
  types: { commands: [["tsc", "-b"]], needsApp: false },
  unit: { commands: [vitest("unit", ["unit", "dom"])], report: "unit.json", needsApp: false },
  behaviour: {
    commands: [vitest("behaviour", ["behaviour*"])],
    report: "behaviour.json",
    needsApp: true,
  },
  rootless: {
    commands: [
      vitest(
        "rootless",
        ["behaviour*"],
        [...rootlessFiles, `--testNamePattern=^(?!.*(${longOnes.join("|")}))`],
      ),
    ],
    report: "rootless.json",
    needsApp: true,
    asUser: true,
  },
  e2e: {
    commands: [["playwright", "test", "--reporter=list,json"]],
    report: "e2e.json",
    needsApp: true,
  },
});

/**
 * Runs one stage, its output going to the terminal.
 * @param {keyof typeof stages} name
 * @param {NodeJS.ProcessEnv} env
 * @param {string[]} wrapper put before each command: `xvfb-run -a`
 * @returns {Promise<Result>} a stage without a report counts as one test
 */
export async function runStage(name, env, wrapper) {
  /** @type {Stage} */
  const stage = stages[name];
  const started = performance.now();
  const report = stage.report && join(results, stage.report);
  if (report) await rm(report, { force: true });
  let ok = true;
  const user = stage.asUser && process.getuid?.() === 0 ? await OrdinaryUser.make() : undefined;
  try {
    for (const [tool = "", ...args] of stage.commands) {
      const own = user?.tool([tool, ...args]) ?? [join(root, "node_modules/.bin", tool), ...args];
      const [command = "", ...rest] = [...wrapper, ...own];
      ok &&= (await show(command, rest, { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: report })) === 0;
    }
    if (user && stage.report) {
      await mkdir(results, { recursive: true });
      await copyFile(user.wrote(`test-results/${stage.report}`), join(results, stage.report)).catch(
        () => undefined,
      );
    }
  } finally {
    await user?.remove();
  }
  const counts = (report && (await readCounts(report))) || {
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    flaky: [],
  };
  if (!ok && counts.failed === 0) counts.failed = 1;
  return { name, ok, time: seconds(started), ...counts };
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} exit status
 */
function show(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
    const stop = () => child.kill("SIGTERM");
    process.on("SIGTERM", stop);
    child.on("error", reject);
    child.on("close", (code) => {
      process.off("SIGTERM", stop);
      resolve(code ?? 1);
    });
  });
}
