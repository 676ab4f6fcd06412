import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";

/**
 * `flaky` are those among the passed that needed another try: name, and what the first one failed with.
 * @typedef {{ passed: number, failed: number, skipped: number, flaky: string[] }} Counts
 *
 * Of vitest's: what passed with failures needed another try.
 * @typedef {{ status?: string, fullName?: string, failureMessages?: string[] }} Assertion
 *
 * Of Playwright's.
 * @typedef {{ title: string, suites?: Suite[], specs?: { title: string,
 *   tests: { status: string, results: { error?: { message?: string } }[] }[] }[] }} Suite
 */

/**
 * The counts in a report that vitest's or Playwright's JSON reporter wrote.
 * @param {string} file
 * @returns {Promise<Counts | undefined>} undefined where the runner did not get to write one
 */
export async function readCounts(file) {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseCounts(JSON.parse(text));
}

/**
 * @param {{ numTotalTests?: number, numPassedTests?: number, numFailedTests?: number,
 *   numFailedTestSuites?: number, testResults?: { status: string, assertionResults: Assertion[] }[],
 *   stats?: { expected: number, unexpected: number, flaky: number, skipped: number },
 *   errors?: unknown[], suites?: Suite[] }} report
 * @returns {Counts}
 */
export function parseCounts(report) {
  const { stats } = report;
  if (stats) {
    // An error outside any test (a set-up that threw) is counted as one failure.
    const errors = report.errors?.length ?? 0;
    const failed = stats.unexpected + (stats.unexpected === 0 ? errors : 0);
    const { expected, flaky, skipped } = stats;
    return { passed: expected + flaky, failed, skipped, flaky: flakyOf(report.suites ?? []) };
  }
  const passed = report.numPassedTests ?? 0;
  const inTests = report.numFailedTests ?? 0;
  // A file that could not be loaded has failed without having a test.
  const files = (report.testResults ?? []).filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  ).length;
  return {
    passed,
    failed: inTests + files,
    skipped: (report.numTotalTests ?? 0) - passed - inTests,
    flaky: (report.testResults ?? [])
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(
        ({ status, failureMessages = [] }) => status === "passed" && failureMessages.length > 0,
      )
      .map(({ fullName = "", failureMessages }) => withReason(fullName, failureMessages?.[0])),
  };
}

/**
 * @param {Suite[]} suites
 * @returns {string[]}
 */
function flakyOf(suites) {
  return suites.flatMap(({ title, suites: inner = [], specs = [] }) => [
    ...specs.flatMap((spec) =>
      spec.tests
        .filter(({ status }) => status === "flaky")
        .map(({ results }) =>
          withReason(`${title}: ${spec.title}`, results.find(({ error }) => error)?.error?.message),
        ),
    ),
    ...flakyOf(inner),
  ]);
}

/**
 * @param {string} name
 * @param {string | undefined} message what a runner says of a failure; of its many lines the first
 */
function withReason(name, message) {
  const first = message && stripVTControlCharacters(message).split("\n")[0]?.trim();
  return first ? `${name}: ${first}` : name;
}
