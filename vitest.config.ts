import { defineConfig } from "vitest/config";

const setupFiles = ["scripts/lib/test-seed.ts"];

/** unit: beside the code, fast. dom: the renderer's. behaviour: against real runtimes, one file at a time. */
export default defineConfig({
  test: {
    globalSetup: ["scripts/lib/test-workers.ts"],
    projects: [
      {
        test: {
          name: "unit",
          setupFiles,
          include: ["shared/**/*.test.ts", "electron/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: ["**/*.behaviour.test.ts", "**/node_modules/**", "dist/**"],
          // Far beyond what any takes: a loaded machine fails none.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "dom",
          setupFiles,
          environment: "happy-dom",
          testTimeout: 60_000,
          include: ["renderer/**/*.test.{ts,tsx}"],
        },
      },
      {
        test: {
          name: "behaviour",
          setupFiles,
          include: ["electron/**/*.behaviour.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // A loaded machine may be late once; the reporter says who needed it.
          retry: 1,
        },
      },
    ],
  },
});
