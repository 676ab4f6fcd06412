import { Worker, type WorkerOptions } from "node:worker_threads";

/**
 * Starts the thread whose source is `electron/core/ANYWHERE/NAME.worker.ts`; names are unique in
 * the tree. The caller listens to `error` and `exit`, and terminates it.
 *
 * Node can't run TypeScript in a thread, so a worker is always a bundle. vite.node.config.ts finds
 * every `*.worker.ts` and writes `dist/workers/NAME.mjs`; built code lies one folder deep in dist/, so
 * `../workers` is right from any chunk. Under vitest this file is the source itself, and the bundles
 * are those which the global set-up (scripts/lib/test-workers.ts) made in dist/test/workers.
 */
export function startWorker(name: string, options?: WorkerOptions): Worker {
  return new Worker(workerUrl(name, import.meta.url), options);
}

/** Where a worker's bundle is, seen from the module at `from`. */
export function workerUrl(name: string, from: string): URL {
  const dir = from.endsWith(".ts") ? "../../../dist/test/workers" : "../workers";
  const url = new URL(`${dir}/${name}.mjs`, from);
  // In a package the workers lie unpacked beside the archive: a thread has no view into it.
  url.pathname = url.pathname.replace("/app.asar/", "/app.asar.unpacked/");
  return url;
}
