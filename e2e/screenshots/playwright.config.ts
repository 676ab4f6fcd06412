import { defineConfig } from "@playwright/test";
import suite from "../../playwright.config.ts";

/** `npm run screenshots`: pictures of the real window for the README; no test. */
export default defineConfig({
  ...suite,
  testDir: ".",
  testMatch: "screenshots.ts",
  outputDir: "../../test-results/screenshots",
  timeout: 300_000,
});
