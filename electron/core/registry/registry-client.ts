import { type ErrorInfo, AppError, isCode } from "#shared/errors";
import type { CredentialStore } from "./credential-store.ts";
import type { Credentials } from "./credentials.ts";
import { Endpoint } from "./endpoint.ts";
import { familiarName, type Reference } from "./reference.ts";
import type { HostConfig, RegistryConfig } from "./registry-config.ts";
import { Repository } from "./repository.ts";

export interface RegistryClientOptions {
  credentials: Pick<CredentialStore, "find">;
  /** A registry's settings as they are now; undefined for one that has none. */
  config(registry: string): RegistryConfig | undefined;
  /** Where podman and docker keep registries' certificates; default: theirs in /etc. */
  certificateDirs?: string[];
}

/** How a registry answers: for a page that shows it, and before a sign-in is kept. */
export interface RegistryStatus {
  /** Whether what passes is encrypted and the registry is who it says. */
  secure: boolean;
  /** How it wants to know who asks; "none": it does not. */
  auth: "none" | "basic" | "bearer";
  /** "none": there are no credentials for it. */
  signIn: "none" | "accepted" | "refused";
  /** Why it was refused. */
  refusal?: ErrorInfo;
}

/**
 * Speaks the OCI distribution protocol (and Docker's, which it grew from) to registries. It holds no connection and
 * no state of its own: settings and credentials are read anew each time.
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  /** A repository, for as long as one pull or push takes. Connects to nothing yet. */
  async open({
    registry,
    repository,
  }: Pick<Reference, "registry" | "repository">): Promise<Repository> {
    const { credentials, certificateDirs } = this.#options;
    const name = familiarName({ registry, repository });
    const open = (config: HostConfig): Promise<Endpoint> =>
      Endpoint.open({
        ...{ config, name, certificateDirs },
        find: () => credentials.find(config.host, repository),
      });
    const config = this.#options.config(registry);
    const mirrors = await Promise.all((config?.mirrors ?? []).map(open));
    return new Repository(name, repository, mirrors, await open(config ?? { host: registry }));
  }

  /**
   * Asks a registry who it wants to know. With `credentials`, whether it takes these; else those that are known.
   * Rejects where it can't be reached, or is no registry (FAILED_PRECONDITION).
   */
  async ping(
    registry: string,
    options: { credentials?: Credentials; signal?: AbortSignal } = {},
  ): Promise<RegistryStatus> {
    const { signal } = options;
    const config = this.#options.config(registry) ?? { host: registry };
    const found = options.credentials
      ? { credentials: options.credentials, problems: [] }
      : await this.#options.credentials.find(registry, undefined, { signal });
    const { certificateDirs } = this.#options;
    const endpoint = await Endpoint.open({ config, certificateDirs, find: async () => found });
    let refusal: ErrorInfo | undefined;
    try {
      const response = await endpoint.request("", { signal });
      await response.body?.cancel();
    } catch (error) {
      if (isCode(error, "NOT_FOUND")) {
        throw new AppError("FAILED_PRECONDITION", `${registry} is not a registry`, {
          subject: registry,
          hint: "Check its name and port.",
          output: error.details.output,
        });
      }
      if (!isCode(error, "UNAUTHENTICATED") && !isCode(error, "PERMISSION_DENIED")) throw error;
      refusal = error.toInfo();
    }
    const signIn = !found.credentials ? "none" : refusal ? "refused" : "accepted";
    return {
      secure: (await endpoint.url("")).startsWith("https:") && !endpoint.tls.unverified,
      auth: endpoint.auth.scheme ?? "none",
      signIn,
      ...(refusal && signIn === "refused" && { refusal }),
    };
  }
}
