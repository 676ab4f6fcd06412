import { isCode } from "#shared/errors";
import { Authenticator } from "./auth.ts";
import { certificateDirs, readAuthorities } from "./authorities.ts";
import type { TlsOptions } from "./blob-request.ts";
import type { FoundCredentials } from "./credential-store.ts";
import { isNoTls } from "./network-error.ts";
import { type HostConfig, isLoopback, servedBy } from "./registry-config.ts";
import { responseError } from "./registry-error.ts";
import { sendPatiently } from "./retry.ts";
import { type Request, type Response, send } from "./transport.ts";

export interface EndpointRequest extends Request {
  /** `repository:library/alpine:pull`: what a token must allow. */
  scopes?: string[];
  /** What is asked for, for messages: `tag 3.20`. */
  what?: string;
  /** Statuses of 400 and above that are an answer, not an error. */
  accept?: number[];
}

export interface EndpointOptions {
  config: HostConfig;
  /** The repository, for messages: `alpine`. */
  name?: string;
  find: () => Promise<FoundCredentials>;
  /** Default: podman's and docker's. */
  certificateDirs?: string[];
}

/** One host that serves the distribution protocol, asked as one user. */
export class Endpoint {
  readonly registry: string;
  readonly tls: TlsOptions;
  readonly auth: Authenticator;
  readonly #config: HostConfig;
  readonly #name: string | undefined;
  #base: Promise<string> | undefined;

  private constructor(options: EndpointOptions, tls: TlsOptions) {
    this.#config = options.config;
    this.#name = options.name;
    this.registry = options.config.host;
    this.tls = tls;
    this.auth = new Authenticator({ registry: this.registry, tls, find: options.find });
  }

  /** Connects to nothing yet. NOT_FOUND when the file with its certificate authority is gone. */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const ca = await readAuthorities(options.config, options.certificateDirs ?? certificateDirs);
    const { security } = options.config;
    const unverified = security === "unverified-tls" || security === "insecure";
    return new Endpoint(options, { ...(ca && { ca }), ...(unverified && { unverified }) });
  }

  /**
   * Asks for a path of its API (`library/alpine/manifests/3.20`) or for a URL that it gave, with credentials where
   * it wants them; they go to no other origin. Statuses from 400 on reject as registry-error.ts has it.
   */
  async request(path: string, request: EndpointRequest = {}): Promise<Response> {
    const { scopes = [], what, accept = [], headers, ...rest } = request;
    const url = await this.url(path, request);
    const { origin } = new URL(await this.url("", request));
    const isOwn = (asked: string): boolean => new URL(asked).origin === origin;
    const attempt = (authorization: string | undefined): Promise<Response> =>
      sendPatiently(url, this.tls, {
        ...rest,
        headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      });
    const used = isOwn(url) ? await this.auth.authorization(scopes, request) : undefined;
    let response = await attempt(used);
    // Whoever it was redirected to may name a token server of its own, which would be given the sign-in.
    if (response.status === 401 && isOwn(response.url)) {
      const better = await this.auth.answer(response, scopes, used, request);
      if (better !== undefined) {
        await response.body?.cancel();
        response = await attempt(better);
      }
    }
    if (response.status < 400 || accept.includes(response.status)) return response;
    const signedIn = await this.auth.signedIn();
    const asked = { registry: this.registry, name: this.#name, what, signedIn };
    throw await this.auth.explain(await responseError(response, asked));
  }

  /** The whole URL of a path under /v2/, or of a Location. */
  async url(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
    this.#base ??= this.#findBase(options).catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    const base = new URL(await this.#base);
    const url = new URL(path, base);
    // Behind a proxy that ends TLS, a registry often takes itself to be without.
    if (url.hostname === base.hostname && base.protocol === "https:" && url.protocol === "http:") {
      url.protocol = "https:";
      url.port = base.port;
    }
    return url.href;
  }

  async #findBase({ signal }: { signal?: AbortSignal }): Promise<string> {
    const { host, security } = this.#config;
    const served = servedBy(host);
    if (security === "plain-http") return `http://${served}/v2/`;
    const base = `https://${served}/v2/`;
    if (security === "insecure" || (security === undefined && isLoopback(served))) {
      try {
        await (await send(base, this.tls, { signal })).body?.cancel();
      } catch (error) {
        // Without a port in its name, the two are at different ones.
        const elsewhere = !/:\d+$/.test(served) && isCode(error, "UNAVAILABLE");
        if (!isNoTls(error) && !elsewhere) throw error;
        return `http://${served}/v2/`;
      }
    }
    return base;
  }
}
