import { AppError, isCode } from "#shared/errors";
import type { BlobRequest, BlobSource } from "./blob-request.ts";
import { explainFailure } from "./network-error.ts";
import { responseError } from "./registry-error.ts";
import { backOff, isPassing, pause, sendPatiently } from "./retry.ts";

export interface FetchBlobOptions {
  /** The first byte wanted. */
  offset?: number;
  signal?: AbortSignal;
  /** Asked when the authorization has run out: the same request with a fresh one. A thread asks who made the request. */
  renew?: () => Promise<BlobRequest>;
}

/** Failures one after the other, with no byte between them, until a source is given up. */
const mostFailures = 5;

/**
 * A blob's bytes from `offset` on, its size in all: a broken connection is taken up again where it broke, and a
 * source that fails is left for the next. Needs nothing but its arguments, so that it runs in any thread. What
 * comes is not verified: ContentStore's ingest does that.
 */
export async function* fetchBlob(
  request: BlobRequest,
  options: FetchBlobOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const { signal, renew } = options;
  let position = options.offset ?? 0;
  let failures = 0;
  let renewed = false;
  let current = request;
  let index = 0;
  while (position < request.size) {
    const source = current.sources[index];
    if (!source) {
      throw new AppError("UNAVAILABLE", `No registry can be asked for ${request.digest} now`, {
        subject: request.name,
        hint: "Check the network connection, and try again.",
      });
    }
    try {
      for await (const chunk of read(request, source, position, signal)) {
        position += chunk.length;
        failures = 0;
        renewed = false;
        yield chunk;
      }
    } catch (error) {
      if (isCode(error, "CANCELLED") || signal?.aborted) throw AppError.from(error);
      if (isCode(error, "UNAUTHENTICATED") && renew && !renewed) {
        current = await renew();
        const same = current.sources.findIndex(({ url }) => url === source.url);
        index = Math.max(0, same);
        renewed = true;
      } else if (isPassing(error) && failures < mostFailures) {
        await pause(backOff(failures), signal);
        failures += 1;
      } else if (index + 1 < current.sources.length) {
        index += 1;
        failures = 0;
        renewed = false;
      } else {
        throw AppError.wrap(error, `${request.name} could not be fetched`);
      }
    }
  }
}

/** One connection's worth of it. Rejects UNAVAILABLE when it ends too early. */
async function* read(
  { name, digest, size }: BlobRequest,
  source: BlobSource,
  position: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const { host } = new URL(source.url);
  const range = position > 0 ? { range: `bytes=${position}-` } : undefined;
  const headers = { ...source.headers, ...range };
  const response = await sendPatiently(source.url, source.tls, { headers, signal, bulk: true });
  if (!response.ok) {
    const signedIn = source.headers.authorization !== undefined;
    const what = `blob ${digest}`;
    throw await responseError(response, { registry: host, name, what, signedIn });
  }
  // A server that takes no ranges sends all of it once more.
  const start = response.status === 206 ? rangeStart(response.headers.get("content-range")) : 0;
  const wrong = (what: string): AppError =>
    new AppError("DATA_LOSS", `${host} sends ${digest} wrongly: ${what}`, { subject: name });
  if (start === undefined || start > position) {
    await response.body?.cancel();
    throw wrong(`bytes from ${position} on were asked for`);
  }
  let at = start;
  try {
    for await (const chunk of response.body ?? []) {
      at += chunk.length;
      if (at > size) throw wrong(`it should have ${size} bytes and has more`);
      const fresh = at - position;
      if (fresh > 0) yield fresh < chunk.length ? chunk.subarray(chunk.length - fresh) : chunk;
      position = Math.max(position, at);
    }
  } catch (error) {
    throw explainFailure(error, host);
  }
  if (at < size) throw new AppError("UNAVAILABLE", `${host} broke the connection`);
}

function rangeStart(header: string | null): number | undefined {
  const found = /^bytes (\d+)-/.exec(header ?? "");
  return found ? Number(found[1]) : undefined;
}
