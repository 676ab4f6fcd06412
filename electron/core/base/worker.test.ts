import { once } from "node:events";
import { expect, test } from "vitest";
import { startWorker, workerUrl } from "./worker.ts";

test("a worker is found and runs, with its imports", async () => {
  const worker = startWorker("echo.test");
  try {
    worker.postMessage({ bytes: new Uint8Array([1, 2]) });
    const [answer] = await once(worker, "message");
    expect(answer.value).toEqual({ bytes: new Uint8Array([1, 2]) });
    expect(answer.info.code).toBe("ABORTED");
  } finally {
    await worker.terminate();
  }
});

test("a package's workers lie beside its archive", () => {
  expect(
    workerUrl("echo", "file:///opt/Shimyard/resources/app.asar/dist/shell/main.js").pathname,
  ).toBe("/opt/Shimyard/resources/app.asar.unpacked/dist/workers/echo.mjs");
});
