import { z } from "zod";
import { AppError } from "#shared/errors";
import { parseJson } from "../base/parse-json.ts";
import type { TlsOptions } from "./blob-request.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { FoundCredentials } from "./credential-store.ts";
import type { Credentials } from "./credentials.ts";
import { isLoopback } from "./registry-config.ts";
import { readText, responseError } from "./registry-error.ts";
import { type Request, type Response, send } from "./transport.ts";

/** distribution's docs/spec/auth/token.md: either name is used, and lifetimes are optional. */
const TokenAnswer = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  /** Seconds. */
  expires_in: z.number().optional(),
});

/** Seconds, where a token does not say; and the least that makes sense, as docker has it. */
const defaultLifetime = 60;
/** Milliseconds before its end from which a token is not used any more: a request takes a while to arrive. */
const margin = 10_000;
const answerLimit = 256 * 1024;
const clientId = "shimyard";

interface Token {
  value: string;
  /** Milliseconds since the epoch. */
  usableUntil: number;
}

type Method = { scheme: "basic" } | { scheme: "bearer"; realm: URL; service?: string };

export interface AuthenticatorOptions {
  /** For messages: `docker.io`. */
  registry: string;
  tls: TlsOptions;
  /** Looked up at the first challenge, once. */
  find: () => Promise<FoundCredentials>;
}

/**
 * Answers one host's challenges: Basic, or a Bearer token of its token server for each set of scopes. Requests that
 * need the same token at the same time share one.
 */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  #method: Method | undefined;
  #found: Promise<FoundCredentials> | undefined;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether there are credentials. False before the first challenge: none were looked for. */
  async signedIn(): Promise<boolean> {
    return (await this.#found)?.credentials !== undefined;
  }

  /** How the host wants it, once it has said so. */
  get scheme(): "basic" | "bearer" | undefined {
    return this.#method?.scheme;
  }

  /** The Authorization header for these scopes; undefined while no challenge was seen, or without credentials for Basic. */
  async authorization(
    scopes: string[],
    options: { signal?: AbortSignal } = {},
  ): Promise<string | undefined> {
    if (!this.#method) return undefined;
    const { credentials } = await this.#credentials();
    if (credentials?.kind === "registry-token") return `Bearer ${credentials.token}`;
    if (this.#method.scheme === "basic") return credentials && basic(credentials);
    const token = await orAborted(this.#token(this.#method, scopes), options.signal);
    return `Bearer ${token.value}`;
  }

  /**
   * After a 401 to a request that was sent with `used`: the header to try once more with, or undefined when
   * there is no better one. UNAUTHENTICATED when the token server refuses.
   */
  async answer(
    response: Response,
    scopes: string[],
    used: string | undefined,
    options: { signal?: AbortSignal } = {},
  ): Promise<string | undefined> {
    const method = this.#choose(parseChallenges(response.headers.get("www-authenticate") ?? ""));
    if (!method) return undefined;
    this.#method = method;
    const key = scopeKey(scopes);
    const kept = await this.#tokens.get(key)?.catch(() => undefined);
    // It was refused before its time; another request may have fetched a new one meanwhile.
    if (kept && used === `Bearer ${kept.value}`) this.#tokens.delete(key);
    const header = await this.authorization(scopes, options);
    return header === used ? undefined : header;
  }

  /** Adds where credentials could not be looked for to a refusal. */
  async explain(error: AppError): Promise<AppError> {
    const problems = (await this.#found)?.problems ?? [];
    if (problems.length === 0 || !["UNAUTHENTICATED", "PERMISSION_DENIED"].includes(error.code)) {
      return error;
    }
    const said = problems.map(({ message, details }) => `${message}. ${details.hint ?? ""}`.trim());
    const output = [error.details.output, ...said].filter(Boolean).join("\n");
    return new AppError(error.code, error.message, { ...error.details, output }, error);
  }

  #credentials(): Promise<FoundCredentials> {
    this.#found ??= this.#options.find();
    return this.#found;
  }

  #choose(challenges: Challenge[]): Method | undefined {
    for (const { scheme, parameters } of challenges) {
      const { realm, service } = parameters;
      if (scheme === "bearer" && realm !== undefined && URL.canParse(realm)) {
        return { scheme, realm: new URL(realm), service };
      }
    }
    return challenges.some(({ scheme }) => scheme === "basic") ? { scheme: "basic" } : undefined;
  }

  async #token(method: Method & { scheme: "bearer" }, scopes: string[]): Promise<Token> {
    const key = scopeKey(scopes);
    const known = this.#tokens.get(key);
    const usable = await known?.catch(() => undefined);
    if (usable && usable.usableUntil > Date.now()) return usable;
    // Another caller may have begun while this one waited.
    const begun = this.#tokens.get(key);
    if (begun && begun !== known) return begun;
    const fetched = this.#fetch(method, scopes);
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    return fetched;
  }

  async #fetch(
    { realm, service }: Method & { scheme: "bearer" },
    scopes: string[],
  ): Promise<Token> {
    const { registry, tls } = this.#options;
    const { credentials } = await this.#credentials();
    if (realm.protocol !== "https:" && credentials && !isLoopback(realm.host)) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `${registry} wants the sign-in sent without TLS to ${realm.host}, which was not done`,
        { subject: registry },
      );
    }
    const { url, request } = tokenRequest(realm, service, scopes, credentials);
    const response = await send(url, tls, request);
    if (!response.ok) {
      const signedIn = credentials !== undefined;
      throw await responseError(response, { registry, signedIn });
    }
    const answer = TokenAnswer.safeParse(parseJson(await readText(response, answerLimit)));
    const value = answer.data?.token ?? answer.data?.access_token;
    if (!value) {
      throw new AppError("UNAVAILABLE", `The token server ${realm.host} gave no token`, {
        subject: registry,
      });
    }
    const lifetime = Math.max(answer.data?.expires_in ?? 0, defaultLifetime) * 1000;
    return { value, usableUntil: Date.now() + lifetime - margin };
  }
}

/** GET with Basic, which every token server takes; a POST where there is a refresh token (docs/spec/auth/oauth.md). */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: string[],
  credentials: Credentials | undefined,
): { url: string; request: Request } {
  if (credentials?.kind === "identity-token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: credentials.token,
      client_id: clientId,
      ...(service !== undefined && { service }),
      ...(scopes.length > 0 && { scope: scopes.join(" ") }),
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { url: realm.href, request: { method: "POST", headers, body: form.toString() } };
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (credentials?.kind !== "password") return { url: url.href, request: {} };
  url.searchParams.set("account", credentials.username);
  return { url: url.href, request: { headers: { authorization: basic(credentials) as string } } };
}

/** RFC 7617, in UTF-8. */
function basic(credentials: Credentials): string | undefined {
  if (credentials.kind !== "password") return undefined;
  const pair = `${credentials.username}:${credentials.password}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

const scopeKey = (scopes: string[]): string => [...scopes].sort().join(" ");

/** The shared work goes on for the others when one of those who wait for it is cancelled. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(AppError.from(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
