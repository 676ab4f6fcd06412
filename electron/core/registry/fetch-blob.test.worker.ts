import { parentPort, workerData } from "node:worker_threads";
import { ContentStore } from "../content/content-store.ts";
import { fetchBlob } from "./blob-fetch.ts";
import type { BlobRequest } from "./blob-request.ts";

/** For registry.behaviour.test.ts: a thread that has a store's directory and a request, and nothing else. */
const { directory, request } = workerData as { directory: string; request: BlobRequest };
const store = await ContentStore.open(directory);
const writer = await store.ingest(request);
for await (const chunk of fetchBlob(request, { offset: writer.offset })) await writer.write(chunk);
parentPort?.postMessage(await writer.commit());
