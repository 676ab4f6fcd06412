import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/**
 * The window. Electron 33 and later have Chromium 130 and later; a browser is one of its age. Nothing
 * is inlined: the page's policy has no data: fonts or scripts.
 */
export default defineConfig({
  root: `${import.meta.dirname}/renderer`,
  publicDir: false,
  logLevel: "warn",
  plugins: [react()],
  build: {
    target: "chrome130",
    outDir: "../dist/renderer",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
});
