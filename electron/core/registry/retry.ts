import { setTimeout as delay } from "node:timers/promises";
import { AppError, isCode } from "#shared/errors";
import type { TlsOptions } from "./blob-request.ts";
import { isBroken } from "./network-error.ts";
import { retryAfter } from "./registry-error.ts";
import { type Request, type Response, send } from "./transport.ts";

/** Milliseconds that one request waits in all for a registry that limits or is overloaded. */
const longestWait = 30_000;
/** How often a request is sent again after a broken connection or an overloaded server. */
const mostRetries = 3;
const overloaded = new Set([502, 503, 504]);

/**
 * Sends a request, and again when that is likely to help: after the time that a 429 asks for, and where repeating
 * does no harm (GET, HEAD) after a broken connection or an overloaded server. The last answer is given as it is.
 */
export async function sendPatiently(
  url: string,
  tls: TlsOptions,
  request: Request,
): Promise<Response> {
  const repeatable = ["GET", "HEAD", undefined].includes(request.method);
  let waited = 0;
  for (let retry = 0; ; retry += 1) {
    let wait = backOff(retry);
    try {
      const response = await send(url, tls, request);
      const limited = response.status === 429;
      if (!limited && !(repeatable && overloaded.has(response.status))) return response;
      wait = retryAfter(response) ?? wait;
      if (retry === mostRetries || waited + wait > longestWait) return response;
      await response.body?.cancel();
    } catch (error) {
      if (!repeatable || retry === mostRetries || !isBroken(error)) throw error;
    }
    waited += wait;
    await pause(wait, request.signal);
  }
}

/** Milliseconds before try number `retry` + 1: 0.2 s, doubling to 5 s. */
export const backOff = (retry: number): number => Math.min(200 * 2 ** retry, 5000);

/** Waits; rejects CANCELLED on abort. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    throw AppError.from(error);
  });
}

/** Whether what has failed in the middle may go on after a while. */
export const isPassing = (error: unknown): boolean =>
  isCode(error, "UNAVAILABLE") || isCode(error, "DEADLINE_EXCEEDED");
