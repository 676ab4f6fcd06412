import { createReadStream } from "node:fs";
import { AppError, isCode } from "#shared/errors";
import type { Digest } from "../content/digest.ts";
import type { Endpoint, EndpointRequest } from "./endpoint.ts";
import { backOff, isPassing, pause } from "./retry.ts";
import type { Response } from "./transport.ts";

export interface UploadOptions {
  signal?: AbortSignal;
  /** Bytes sent so far; after a broken connection it may go back to what the registry has. */
  onProgress?: (bytes: number) => void;
}

interface FileBlob {
  digest: Digest;
  /** Bytes. */
  size: number;
  path: string;
}

/** Broken connections one after the other, with nothing arrived between them, until it is given up. */
const mostFailures = 5;
/** Bytes read from the file at once: fetch copies each chunk, and has its cost for each. */
const chunkSize = 1024 * 1024;
/** What a registry that can't say how much of an upload it has answers to that. */
const forgotten = ["NOT_FOUND", "UNIMPLEMENTED", "OUT_OF_RANGE", "INVALID_ARGUMENT"] as const;
/** Milliseconds for saying that an upload is given up: the registry forgets it by itself as well. */
const abandonTimeout = 5000;

/**
 * Uploads one file as docker does (distribution-spec, "Pushing a blob in chunks", with one chunk): POST, PATCH with
 * all of it, PUT. When the connection breaks, the registry is asked how much it has, and gets the rest.
 */
export async function uploadBlob(
  endpoint: Endpoint,
  uploads: string,
  blob: FileBlob,
  scopes: string[],
  options: UploadOptions,
): Promise<void> {
  const { signal } = options;
  const what = `blob ${blob.digest}`;
  const ask = async (url: string, request: EndpointRequest): Promise<Response> => {
    const response = await endpoint.request(url, { ...request, scopes, what, signal });
    await response.body?.cancel();
    return response;
  };
  let location: string | undefined;
  try {
    location = await begin(endpoint, uploads, ask);
    let offset = 0;
    let broken = false;
    for (let failures = 0; offset < blob.size;) {
      try {
        if (broken) {
          const there = await received(endpoint, location, ask);
          // It has forgotten it: from the beginning.
          location = there?.location ?? (await begin(endpoint, uploads, ask));
          if ((there?.offset ?? 0) > offset) failures = 0;
          offset = there?.offset ?? 0;
          broken = false;
          options.onProgress?.(offset);
        }
        const sent = await ask(location, patch(blob, offset, options));
        location = await nextLocation(endpoint, location, sent);
        offset = blob.size;
      } catch (error) {
        if (!isPassing(error) || failures === mostFailures || signal?.aborted) throw error;
        await pause(backOff(failures), signal);
        failures += 1;
        broken = true;
      }
    }
    const url = new URL(location);
    url.searchParams.set("digest", blob.digest);
    await ask(url.href, { method: "PUT", headers: { "content-length": "0" } });
    location = undefined;
  } catch (error) {
    if (location !== undefined) await abandonUpload(endpoint, location, scopes);
    if (isCode(error, "CANCELLED")) throw error;
    throw AppError.wrap(error, `${blob.digest} could not be pushed`);
  }
}

/** Tells the registry that it may remove what it has of an upload. Never rejects. */
export async function abandonUpload(
  endpoint: Endpoint,
  location: string,
  scopes: string[],
): Promise<void> {
  const signal = AbortSignal.timeout(abandonTimeout);
  await endpoint
    .request(location, { method: "DELETE", scopes, signal })
    .then((response) => response.body?.cancel())
    .catch(() => undefined);
}

type Ask = (url: string, request: EndpointRequest) => Promise<Response>;

async function begin(endpoint: Endpoint, uploads: string, ask: Ask): Promise<string> {
  const headers = { "content-length": "0" };
  const response = await ask(uploads, { method: "POST", headers });
  return nextLocation(endpoint, await endpoint.url(uploads), response);
}

/** Each answer says where to go on; a registry that keeps state in that URL needs the newest. */
async function nextLocation(
  endpoint: Endpoint,
  asked: string,
  response: Response,
): Promise<string> {
  const location = response.headers.get("location");
  return location === null ? asked : endpoint.url(new URL(location, asked).href);
}

function patch(blob: FileBlob, offset: number, { onProgress }: UploadOptions): EndpointRequest {
  return {
    method: "PATCH",
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(blob.size - offset),
      ...(offset > 0 && { "content-range": `${offset}-${blob.size - 1}` }),
    },
    body: async function* () {
      const file = createReadStream(blob.path, { start: offset, highWaterMark: chunkSize });
      let sent = offset;
      for await (const chunk of file) {
        yield chunk as Buffer;
        sent += (chunk as Buffer).length;
        onProgress?.(sent);
      }
    },
  };
}

/**
 * How much of an upload the registry has; undefined when it has forgotten it, or can't tell nothing from one byte.
 * docker-registry 2.8 forgets one whose PATCH broke off: its own accounts differ from its file then.
 */
async function received(
  endpoint: Endpoint,
  location: string,
  ask: Ask,
): Promise<{ offset: number; location: string } | undefined> {
  try {
    const response = await ask(location, { method: "GET" });
    const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get("range") ?? "")?.[1];
    if (last === undefined || last === "0") return undefined;
    const next = await nextLocation(endpoint, location, response);
    return { offset: Number(last) + 1, location: next };
  } catch (error) {
    if (forgotten.some((code) => isCode(error, code))) return undefined;
    throw error;
  }
}
