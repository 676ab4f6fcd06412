import { randomUUID } from "node:crypto";
import { statfs } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { build } from "./lib/build.mjs";
import { runMain, UserError } from "./lib/console.mjs";
import { run, which } from "./lib/exec.mjs";
import { leaksSince, runVariable, traces } from "./lib/leaks.mjs";
import { tableIsCurrent } from "./lib/runtimes-table.mjs";
import { setUp } from "./lib/set-up.mjs";
import { runStage, stages } from "./lib/stages.mjs";

/** `npm test [-- STAGE...]`: set-up, build, then the stages (default: all) until one fails. */
await runMain(async () => {
  const chosen = chooseStages(process.argv.slice(2));
  const needsApp = chosen.some((name) => stages[name].needsApp);
  const { criu, mkfsErofs, shim, electron, env } = await setUp({
    electron: needsApp,
    tests: needsApp ? "all" : chosen.includes("unit") ? "unit" : undefined,
  });
  if (needsApp) {
    await build();
    console.log(
      `\nTested on kernel ${release()}, as ${process.getuid?.() === 0 ? "root" : "an ordinary user"}:`,
    );
    console.log(`  Electron ${electron?.version} (${electron?.source})`);
    for (const name of ["conmon", "runc", "crun", "runsc", "chromium"]) {
      console.log(`  ${name}: ${await version(name)}`);
    }
    const distributions = await run("containerd-shim-runc-v2", ["-v"]);
    const shims = [/Version:\s*(\S+)/.exec(distributions.stdout)?.[1] ?? "none", shim?.version];
    console.log(`  containerd's shim: ${shims.filter(Boolean).join(", ")}`);
    console.log(`  criu: ${criu ? `${criu.version} (${criu.source})` : "none, no checkpoints"}`);
    console.log(`  mkfs.erofs: ${mkfsErofs?.version ?? "none, layers are directories"}`);
  }

  const id = randomUUID();
  env[runVariable] = id;
  env.TMPDIR = await directoryOnDisk();
  const before = await traces(id);
  /** @type {import("./lib/stages.mjs").Result[]} */
  const results = [];
  for (const name of chosen) {
    console.log(`\n=== ${name} ===`);
    const wrapper = name === "e2e" ? ["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"] : [];
    results.push(await runStage(name, env, wrapper));
    if (!results.at(-1)?.ok) break;
  }
  const leaks = await leaksSince(before, id);

  console.log("\nStage       Result    Passed  Failed  Skipped  Time");
  for (const name of chosen) {
    const result = results.find((candidate) => candidate.name === name);
    const outcome = result ? (result.ok ? "ok" : "FAILED") : "not run";
    const counts = [result?.passed, result?.failed, result?.skipped].map((n) => `${n ?? "-"}`);
    console.log(
      `${name.padEnd(12)}${outcome.padEnd(9)}${counts.map((n, i) => n.padStart([7, 8, 9][i] ?? 0)).join("")}  ${result?.time ?? ""}`,
    );
  }
  const flaky = results.flatMap((result) => result.flaky);
  if (flaky.length > 0) {
    console.log(`\nPassed only when tried again:\n${flaky.map((name) => `  ${name}`).join("\n")}`);
  }
  if (results.some(({ name }) => name === "behaviour") && !(await tableIsCurrent())) {
    console.log(
      "\nThe README's table of runtimes differs from this run: `npm run runtimes` writes it.",
    );
  }
  if (leaks.length > 0) {
    console.log(`\nLeft behind by the tests:\n${leaks.map((leak) => `  ${leak}`).join("\n")}`);
  }
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, result) => sum + result.failed, 0) + leaks.length;
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
});

/**
 * @param {string[]} names
 * @returns {(keyof typeof stages)[]}
 */
function chooseStages(names) {
  const all = /** @type {(keyof typeof stages)[]} */ (Object.keys(stages));
  const unknown = names.find((name) => !all.some((stage) => stage === name));
  if (unknown !== undefined) {
    throw new UserError(`There is no stage ${unknown}. Stages: ${all.join(", ")}.`);
  }
  return names.length === 0 ? all : all.filter((name) => names.includes(name));
}

/**
 * Where tests put the app's data: not on a tmpfs, as Debian 13's and Fedora's /tmp is. Linux mounts no EROFS file that
 * lies on one, and users keep theirs on a disk.
 */
async function directoryOnDisk() {
  const tmpfs = 0x01021994;
  return (await statfs(tmpdir())).type === tmpfs ? "/var/tmp" : tmpdir();
}

/** @param {string} name */
async function version(name) {
  const path = await which(name);
  if (!path) return "none";
  const { stdout } = await run(path, ["--version"]);
  return stdout.split("\n")[0]?.trim() ?? "";
}
