import type { Delta } from "#shared/contract/common";
import type { Registry, RegistrySettings } from "#shared/contract/registries";
import { AppError, type ErrorInfo } from "#shared/errors";
import { ListWatch } from "../base/list-watch.ts";
import type { Collection, Store } from "../store/store.ts";
import { CredentialStore } from "./credential-store.ts";
import { isRegistry } from "./reference.ts";
import { RegistryClient } from "./registry-client.ts";
import { RegistryConfig } from "./registry-config.ts";
import type { SecretStore } from "./secret-store.ts";

/** Shown even before anything came from it. */
const defaultRegistry = "docker.io";

export interface RegistryServiceOptions {
  store: Store;
  secrets: SecretStore;
  env: NodeJS.ProcessEnv;
  home: string;
  /** Registries that images here have in their names. */
  inUse: () => string[];
}

/** Registries as the user knows them: their settings, and as whom they are asked. */
export class RegistryService {
  readonly client: RegistryClient;
  readonly credentials: CredentialStore;
  readonly #inUse: () => string[];
  readonly #collection: Collection<typeof RegistryConfig>;
  readonly #configs = new Map<string, RegistryConfig>();
  /** As they were when they were last looked at. */
  #rows = new Map<string, Registry>();
  /** How often it was begun to look, and which of these times #rows is of. */
  #looks = 0;
  #shown = 0;
  readonly #watch = new ListWatch<Registry>({
    list: () => [...this.#rows.values()],
    get: (id) => this.#rows.get(id),
  });

  constructor({ store, secrets, env, home, inUse }: RegistryServiceOptions) {
    this.#inUse = inUse;
    this.#collection = store.collection("registries", RegistryConfig);
    for (const config of this.#collection.all().records) this.#configs.set(config.host, config);
    this.credentials = new CredentialStore({ secrets, env, home });
    this.client = new RegistryClient({
      credentials: this.credentials,
      config: (registry) => this.#configs.get(registry),
    });
  }

  /** Those with settings, those signed in to, and those that images came from. */
  async *watch(signal: AbortSignal): AsyncGenerator<Delta<Registry>, void, void> {
    await this.refresh();
    yield* this.#watch.watch(signal);
  }

  /** Looks again, at docker's and podman's files too. */
  async refresh(): Promise<void> {
    this.#looks += 1;
    const look = this.#looks;
    const { signIns } = await this.credentials.list();
    // Another that began later may be done already: what it saw is newer.
    if (look < this.#shown) return;
    this.#shown = look;
    const rows = new Map<string, Registry>();
    const hosts = [defaultRegistry, ...this.#configs.keys(), ...this.#inUse()];
    for (const host of hosts) rows.set(host, this.#row(host));
    for (const { registry, username, source } of signIns) {
      const row = rows.get(registry) ?? this.#row(registry);
      // The first is the one that is used.
      if (row.credentials === undefined) {
        row.credentials = kindOf(source, username);
        if (username !== undefined) row.user = username;
      }
      rows.set(registry, row);
    }
    const before = this.#rows;
    this.#rows = rows;
    for (const id of new Set([...before.keys(), ...rows.keys()])) {
      if (JSON.stringify(before.get(id)) !== JSON.stringify(rows.get(id))) this.#watch.changed(id);
    }
  }

  /** Every registry that has settings. */
  configs(): RegistryConfig[] {
    return [...this.#configs.values()];
  }

  async put({ host, mirrors, insecure, ca }: RegistrySettings & { host: string }): Promise<void> {
    for (const each of [host, ...mirrors]) {
      if (!isRegistry(each)) {
        throw new AppError("INVALID_ARGUMENT", `"${each}" is not a host`, {
          field: each === host ? "host" : "mirrors",
          hint: "Write a host, with its port where it has one.",
        });
      }
    }
    const config = RegistryConfig.parse({
      host,
      mirrors: mirrors.map((mirror) => ({ host: mirror })),
      ...(insecure ? { security: "insecure" } : {}),
      ...(ca === undefined ? {} : { caFile: ca }),
    });
    await this.#collection.put(host, config);
    this.#configs.set(host, config);
    await this.refresh();
  }

  /** Forgets settings and credentials of ours. Idempotent. */
  async remove(host: string): Promise<void> {
    await this.#collection.remove(host);
    this.#configs.delete(host);
    await this.credentials.signOut(host);
    await this.refresh();
  }

  /** Whether it answers, and to whom. */
  async test(
    host: string,
    options: { signal?: AbortSignal } = {},
  ): Promise<{ ok: boolean; needsSignIn: boolean; user?: string; error?: ErrorInfo }> {
    try {
      const status = await this.client.ping(host, options);
      const user = this.#rows.get(host)?.user;
      return {
        ok: status.signIn !== "refused",
        needsSignIn: status.auth !== "none",
        ...(user !== undefined && status.signIn === "accepted" ? { user } : {}),
        ...(status.refusal && status.signIn === "refused" ? { error: status.refusal } : {}),
      };
    } catch (error) {
      options.signal?.throwIfAborted();
      return { ok: false, needsSignIn: false, error: AppError.from(error).toInfo() };
    }
  }

  /** UNAUTHENTICATED, and nothing is kept, when the registry refuses these. */
  async signIn(
    { host, user, password }: { host: string; user: string; password: string },
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const credentials = { kind: "password", username: user, password } as const;
    const status = await this.client.ping(host, { ...options, credentials });
    if (status.signIn === "refused") {
      throw status.refusal
        ? AppError.fromInfo(status.refusal)
        : new AppError("UNAUTHENTICATED", `${host} refuses these credentials`, { subject: host });
    }
    await this.credentials.signIn(host, credentials);
    await this.refresh();
  }

  async signOut(host: string): Promise<void> {
    await this.credentials.signOut(host);
    await this.refresh();
  }

  #row(host: string): Registry {
    const config = this.#configs.get(host);
    const security = config?.security;
    return {
      id: host,
      own: config !== undefined,
      mirrors: config?.mirrors.map((mirror) => mirror.host) ?? [],
      insecure: security !== undefined && security !== "tls",
      ...(config?.caFile === undefined ? {} : { ca: config.caFile }),
    };
  }
}

function kindOf(source: string, username: string | undefined): Registry["credentials"] {
  if (source === "keychain" || source === "file") return source;
  return username === undefined ? "helper" : "auth-file";
}
