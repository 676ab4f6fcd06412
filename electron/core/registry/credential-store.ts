import { AppError, type ErrorInfo } from "#shared/errors";
import { type AuthFile, findAuthFiles } from "./auth-file.ts";
import { Credentials } from "./credentials.ts";
import type { SecretStore } from "./secret-store.ts";

export interface FoundCredentials {
  credentials?: Credentials;
  /** Where they are kept: "keychain", "file" (our own), or the path of docker's or podman's. */
  source?: string;
  /** Places that could not be looked at: worth telling when a registry then refuses. */
  problems: ErrorInfo[];
}

export interface SignIn {
  registry: string;
  /** Absent for a token, and for what a credential helper keeps. */
  username?: string;
  source: string;
}

/**
 * Who we are to each registry: those signed in to from the window, then what docker and podman know on this
 * machine, which is read and never written.
 */
export class CredentialStore {
  readonly #secrets: SecretStore;
  readonly #env: NodeJS.ProcessEnv;
  readonly #home: string;

  constructor(options: { secrets: SecretStore; env: NodeJS.ProcessEnv; home: string }) {
    this.#secrets = options.secrets;
    this.#env = options.env;
    this.#home = options.home;
  }

  /** How sign-ins from the window are kept. */
  get kind(): SecretStore["kind"] {
    return this.#secrets.kind;
  }

  /**
   * For a registry as references name it, and the more exact for this repository. Never rejects but when
   * cancelled: most images need no credentials, and a helper that is gone must not be in their way.
   */
  async find(
    registry: string,
    repository?: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<FoundCredentials> {
    const problems: ErrorInfo[] = [];
    const attempt = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await look();
      } catch (error) {
        options.signal?.throwIfAborted();
        problems.push(AppError.from(error).toInfo());
        return undefined;
      }
    };
    const own = await attempt(() => this.#own(registry));
    if (own) return { credentials: own, source: this.kind, problems };
    for (const file of await this.#files(problems)) {
      const credentials = await attempt(() => file.find(registry, repository, options));
      if (credentials) return { credentials, source: file.path, problems };
    }
    return { problems };
  }

  /** Everything there is, for showing: no secret is in it. Ask `find` with a registry for what helpers keep. */
  async list(): Promise<{ signIns: SignIn[]; problems: ErrorInfo[] }> {
    const problems: ErrorInfo[] = [];
    const signIns: SignIn[] = [];
    for (const registry of await this.#secrets.names()) {
      try {
        const own = await this.#own(registry);
        const username = own?.kind === "password" ? own.username : undefined;
        signIns.push({ registry, username, source: this.kind });
      } catch (error) {
        problems.push(AppError.from(error).toInfo());
      }
    }
    for (const file of await this.#files(problems)) {
      for (const entry of file.entries()) signIns.push({ ...entry, source: file.path });
    }
    return { signIns, problems };
  }

  async signIn(registry: string, credentials: Credentials): Promise<void> {
    await this.#secrets.set(registry, JSON.stringify(credentials));
  }

  /** Forgets what `signIn` has kept. What docker or podman know stays theirs. Idempotent. */
  async signOut(registry: string): Promise<void> {
    await this.#secrets.delete(registry);
  }

  async #own(registry: string): Promise<Credentials | undefined> {
    const text = await this.#secrets.get(registry);
    return text === undefined ? undefined : Credentials.parse(JSON.parse(text));
  }

  async #files(problems: ErrorInfo[]): Promise<AuthFile[]> {
    const found = await findAuthFiles(this.#env, this.#home);
    problems.push(...found.problems);
    return found.files;
  }
}
