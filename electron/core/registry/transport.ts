import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import {
  Agent,
  type Dispatcher,
  EnvHttpProxyAgent,
  fetch,
  Headers,
  request as receive,
  type RequestInit,
} from "undici";
import { AppError } from "#shared/errors";
import type { TlsOptions } from "./blob-request.ts";
import { explainFailure } from "./network-error.ts";
import { isLoopback } from "./registry-config.ts";

export interface Request {
  method?: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  headers?: Record<string, string>;
  body?: string | Uint8Array | (() => AsyncIterable<Uint8Array>);
  signal?: AbortSignal;
  /**
   * For a GET whose answer is long: its body comes as the connection has it, without the copy of each chunk, the queue and
   * the promises of the fetch standard.
   */
  bulk?: boolean;
}

/** An answer; the fetch standard's is one. */
export interface Response {
  ok: boolean;
  status: number;
  statusText: string;
  /** Of whom it is, after all redirects. */
  url: string;
  headers: Pick<Headers, "get">;
  /** It is read to its end, left early by leaving the loop, or cancelled. */
  body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;
  text(): Promise<string>;
}

/** Milliseconds until a host that was called answers, and then until the head of its answer is there. */
const connectTimeout = 15_000;
const readTimeout = 60_000;
/** The same for what is sent, from its last byte: a registry may copy a layer once more before it answers. */
const writeTimeout = 600_000;
/** Milliseconds without a byte of an answer's body, after which its connection counts as broken. */
const silence = 30_000;
/** Redirects one request follows; registries use one, to their storage. */
const mostRedirects = 5;

/**
 * One request by fetch; not Node's own but that of the undici it comes from, since only there do agent and fetch fit
 * together in every Node and Electron. Redirects are followed, for GET and HEAD alone, without the authorization
 * once they lead to another origin, and never from TLS to plain HTTP. The environment's proxies are used
 * (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) except to this machine. Any status is an answer; UNAVAILABLE,
 * FAILED_PRECONDITION (TLS), DEADLINE_EXCEEDED and CANCELLED are not.
 */
export async function send(url: string, tls: TlsOptions, request: Request = {}): Promise<Response> {
  const method = request.method ?? "GET";
  let headers: Record<string, string> = { "accept-encoding": "identity", ...request.headers };
  let target = new URL(url);
  for (let redirects = 0; ; redirects += 1) {
    const response = await sendOnce(target, tls, { ...request, method, headers });
    const location = response.headers.get("location");
    const redirected = response.status >= 301 && response.status <= 308 && location !== null;
    if (!redirected || (method !== "GET" && method !== "HEAD")) return response;
    await response.body?.cancel();
    if (redirects === mostRedirects) {
      const { host } = new URL(url);
      throw new AppError("FAILED_PRECONDITION", `${host} redirects without end`, { subject: host });
    }
    const next = new URL(location, target);
    if (target.protocol === "https:" && next.protocol !== "https:") {
      throw new AppError(
        "FAILED_PRECONDITION",
        `${target.host} redirects from TLS to ${next.protocol}//${next.host}, which was not followed`,
        { subject: target.host },
      );
    }
    if (next.origin !== target.origin) {
      const { authorization: _, ...others } = headers;
      headers = others;
    }
    target = next;
  }
}

async function sendOnce(target: URL, tls: TlsOptions, request: Request): Promise<Response> {
  const { method = "GET", headers, body, signal, bulk } = request;
  if (bulk) return sendForBulk(target, tls, request);
  let unsent: unknown;
  const init: RequestInit = {
    method,
    headers,
    signal,
    redirect: "manual",
    dispatcher: dispatcherFor(target, tls, method === "GET" || method === "HEAD"),
    ...(typeof body === "function"
      ? { body: watched(body(), (error) => (unsent = error)), duplex: "half" }
      : { body }),
  };
  try {
    return await fetch(target, init);
  } catch (error) {
    // What could not be read here is not the network's fault.
    if (unsent !== undefined) throw AppError.from(unsent);
    throw explainFailure(error, target.host);
  }
}

async function sendForBulk(
  target: URL,
  tls: TlsOptions,
  { headers, signal }: Request,
): Promise<Response> {
  const dispatcher = dispatcherFor(target, tls, true);
  try {
    const { statusCode, statusText, body, ...rest } = await receive(target, {
      ...{ method: "GET", headers, signal: signal ?? null, dispatcher },
    });
    const cancel = async (): Promise<void> => {
      // Its end is wanted, and no failure.
      body.on("error", () => undefined).destroy();
    };
    return {
      ...{ ok: statusCode >= 200 && statusCode < 300, status: statusCode, statusText },
      url: target.href,
      headers: new Headers(Object.entries(rest.headers).flatMap(pairs)),
      body: Object.assign(body, { cancel }),
      text: () => body.text(),
    };
  } catch (error) {
    throw explainFailure(error, target.host);
  }
}

const pairs = ([name, value]: [string, string | string[] | undefined]): [string, string][] =>
  [value ?? []].flat().map((each) => [name, each]);

async function* watched(
  body: AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* body;
  } catch (error) {
    onError(error);
    throw error;
  }
}

const dispatchers = new Map<string, Dispatcher>();

/**
 * Connections are shared by all that speak to a host in the same way, and close by themselves a few seconds after
 * the last; one agent for each way there is, in each thread.
 */
function dispatcherFor({ host, protocol }: URL, tls: TlsOptions, reads: boolean): Dispatcher {
  const direct = isLoopback(host);
  const verification = protocol === "https:" && [tls.unverified ?? false, tls.ca];
  const key = JSON.stringify([direct, reads, verification]);
  const known = dispatchers.get(key);
  if (known) return known;
  const connect = {
    timeout: connectTimeout,
    ...(protocol === "https:" && {
      secureContext: secureContext(tls.ca),
      rejectUnauthorized: !tls.unverified,
    }),
  };
  const options = {
    connect,
    headersTimeout: reads ? readTimeout : writeTimeout,
    bodyTimeout: silence,
  };
  const dispatcher = direct
    ? new Agent(options)
    : new EnvHttpProxyAgent({ ...options, requestTls: connect });
  dispatchers.set(key, dispatcher);
  return dispatcher;
}

/** What a distribution calls its bundle of trusted certificates: Debian's, Fedora's, SUSE's and Arch's names. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Whom docker trusts: the system's bundle, which has a company's own authority. Node's is what it was built with. */
function secureContext(ca: string | undefined): SecureContext {
  const trusted = systemBundle() ?? rootCertificates.join("\n");
  return createSecureContext({ ca: [trusted, ...(ca ? [ca] : [])] });
}

function systemBundle(): string | undefined {
  const { SSL_CERT_FILE: chosen } = process.env;
  for (const path of chosen ? [chosen] : systemBundles) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Another distribution's.
    }
  }
  return undefined;
}
