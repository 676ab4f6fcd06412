import { readFile, writeFile } from "node:fs/promises";
import { runMain, UserError } from "./lib/console.mjs";
import { lastOutcomes, placeTable, readme, renderTable } from "./lib/runtimes-table.mjs";

/** `npm run runtimes`: writes what the last `npm test` found out of this host's runtimes into the README. */
await runMain(async () => {
  const outcomes = await lastOutcomes();
  if (outcomes.size === 0) {
    throw new UserError("No behaviour test has been run here. Run `npm test -- behaviour` first.");
  }
  const text = await readFile(readme, "utf8");
  await writeFile(readme, placeTable(text, renderTable(outcomes)));
});
