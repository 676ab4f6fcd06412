import { defineConfig } from "vite";

/** A sandboxed preload must be one CommonJS file. */
export default defineConfig({
  root: import.meta.dirname,
  publicDir: false,
  logLevel: "warn",
  build: {
    ssr: true,
    target: "chrome130",
    outDir: "dist/shell",
    emptyOutDir: false,
    rolldownOptions: {
      input: { preload: "electron/shell/preload.ts" },
      external: ["electron"],
      output: { format: "cjs", entryFileNames: "[name].cjs" },
    },
  },
});
