import { availableParallelism } from "node:os";
import { defineConfig } from "@playwright/test";

/** The real Electron app and the browser mode. Each test has a root of its own. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.e2e.ts",
  // A folder of its own: Playwright empties it, and other reports lie beside it.
  outputDir: "test-results/e2e",
  globalSetup: "./e2e/harness/set-up.ts",
  workers: Math.min(4, availableParallelism()),
  timeout: 120_000,
  // A loaded machine may be late once. Who needed it is said: see parseCounts.
  retries: 1,
  expect: { timeout: 15_000 },
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH || "/usr/bin/chromium",
      // Chromium has no sandbox for root.
      chromiumSandbox: process.getuid?.() !== 0,
    },
    trace: "retain-on-failure",
  },
});
