import { defineConfig } from "@playwright/test";

/** The real Electron app and the browser mode, one at a time: they share one machine's containers. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.e2e.ts",
  // A folder of its own: Playwright empties it, and other reports lie beside it.
  outputDir: "test-results/e2e",
  workers: 1,
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
