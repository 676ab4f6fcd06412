import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./places.mjs";

/**
 * The README's table of what passed with which runtime, made of the report of the behaviour tests: each `runtime NAME`
 * group of the suite (electron/core/runtime/suite.ts) is a column, each group in it a row.
 */
const begin = "<!-- runtimes: npm run runtimes -->";
const end = "<!-- /runtimes -->";
const report = join(root, "test-results/behaviour.json");
export const readme = join(root, "README.md");

/** @typedef {{ ancestorTitles: string[], title: string, status: string }} Assertion */
/** @typedef {Map<string, Map<string, string>>} Outcomes by runtime and feature: "yes", "FAILED", or why not */

/**
 * What the last run of the behaviour tests found out; empty when there was none.
 * @returns {Promise<Outcomes>}
 */
export async function lastOutcomes() {
  const text = await readFile(report, "utf8").catch(() => undefined);
  return text === undefined ? new Map() : parseOutcomes(JSON.parse(text));
}

/**
 * @param {{ testResults?: { assertionResults: Assertion[] }[] }} results
 * @returns {Outcomes}
 */
export function parseOutcomes(results) {
  /** @type {Outcomes} */
  const outcomes = new Map();
  for (const { ancestorTitles, title, status } of (results.testResults ?? []).flatMap(
    (file) => file.assertionResults,
  )) {
    const [group = "", feature] = ancestorTitles.filter(Boolean);
    const runtime = /^runtime (.+)$/.exec(group)?.[1];
    if (!runtime || !feature) continue;
    const features = outcomes.get(runtime) ?? new Map();
    outcomes.set(runtime, features);
    const before = features.get(feature);
    if (status === "failed") features.set(feature, "FAILED");
    else if (status === "passed") features.set(feature, before ?? "yes");
    else if (before === undefined) features.set(feature, title.replace(/^can't: /, ""));
  }
  return outcomes;
}

/**
 * Markdown: the table, then why some can't do something.
 * @param {Outcomes} outcomes
 */
export function renderTable(outcomes) {
  const names = [...outcomes.keys()].sort();
  const features = new Set(names.flatMap((name) => [...(outcomes.get(name)?.keys() ?? [])]));
  /** @type {string[]} */
  const reasons = [];
  const rows = [...features].map((feature) => [
    feature,
    ...names.map((name) => {
      const outcome = outcomes.get(name)?.get(feature) ?? "not run";
      if (["yes", "FAILED", "not run"].includes(outcome)) return outcome;
      if (!reasons.includes(outcome)) reasons.push(outcome);
      return `no (${reasons.indexOf(outcome) + 1})`;
    }),
  ]);
  const all = [["", ...names], ...rows];
  const widths = all[0]?.map((_, column) =>
    Math.max(3, ...all.map((row) => row[column]?.length ?? 0)),
  );
  /** @param {string[]} cells */
  const line = (cells) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths?.[i] ?? 0)).join(" | ")} |`;
  const rule = line((widths ?? []).map((width) => "-".repeat(width)));
  const [head = [], ...body] = all;
  const notes = reasons.map((reason, index) => `${index + 1}. ${reason}.`);
  return [line(head), rule, ...body.map(line), ...(notes.length > 0 ? ["", ...notes] : [])].join(
    "\n",
  );
}

/**
 * @param {string} text the README's
 * @param {string} table
 * @returns {string} with the table in its place
 */
export function placeTable(text, table) {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) return text;
  return `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
}

/** Whether the README says what the last run found out; true where no runtime could be tried. */
export async function tableIsCurrent() {
  const outcomes = await lastOutcomes();
  if (outcomes.size === 0) return true;
  const text = await readFile(readme, "utf8");
  return placeTable(text, renderTable(outcomes)) === text;
}
