import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const processors = availableParallelism();
const setupFiles = ["scripts/lib/test-seed.ts"];

/** What looks at the whole machine's mounts, which others change. */
const alone = [
  "electron/core/containers/next-container.behaviour.test.ts",
  "electron/core/snapshots/containers.behaviour.test.ts",
];

// What is tried again is named at the end: a try that failed may have left the machine another one.
const behaviour = { setupFiles, testTimeout: 180_000, hookTimeout: 180_000, retry: 1 };

/** unit: beside the code, fast. dom: the renderer's. behaviour and behaviour-alone: against real runtimes. */
export default defineConfig({
  test: {
    maxWorkers: processors,
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
          ...behaviour,
          name: "behaviour",
          include: ["electron/**/*.behaviour.test.ts"],
          exclude: alone,
          // More than there are processors: they wait for what they have started more than they compute.
          maxWorkers: Math.min(6, Math.ceil(processors * 1.5)),
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...behaviour,
          name: "behaviour-alone",
          include: alone,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
