import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError, type ErrorInfo } from "#shared/errors";
import { parseJson } from "../base/parse-json.ts";
import { commandError, runCommand } from "../host/command.ts";
import type { Credentials } from "./credentials.ts";

const Entry = z.looseObject({
  /** base64 of `user:password`. */
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

const Contents = z.looseObject({
  auths: z.record(z.string(), Entry).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});

/** docker-credential-helpers, client/command.go. */
const HelperAnswer = z.looseObject({ Username: z.string(), Secret: z.string() });

/** Docker's own name for its registry, in files and to helpers. */
const dockerKey = "https://index.docker.io/v1/";
/** Milliseconds a helper gets: it may ask a keychain, which may ask the user. */
const helperTimeout = 20_000;

/** docker's config.json or podman's auth.json: the same form, two customs. */
export class AuthFile {
  readonly path: string;
  readonly #contents: z.infer<typeof Contents>;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(path: string, contents: z.infer<typeof Contents>, env: NodeJS.ProcessEnv) {
    this.path = path;
    this.#contents = contents;
    this.#env = env;
  }

  /** Undefined when there is no such file. DATA_LOSS when it can't be read. */
  static async read(path: string, env: NodeJS.ProcessEnv): Promise<AuthFile | undefined> {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") return undefined;
      throw AppError.wrap(error, `The registries' sign-ins in ${path} can't be read`);
    }
    const parsed = Contents.safeParse(parseJson(text));
    if (parsed.success) return new AuthFile(path, parsed.data, env);
    // Its text holds passwords, so that none of it is told.
    throw new AppError("DATA_LOSS", `The registries' sign-ins in ${path} can't be read`, {
      subject: path,
      hint: "Sign in with docker or podman again.",
    });
  }

  /** The most exact entry's, from the helper where one is named. Rejects with what a helper said. */
  async find(
    registry: string,
    repository: string | undefined,
    options: { signal?: AbortSignal },
  ): Promise<Credentials | undefined> {
    const helper = Object.entries(this.#contents.credHelpers ?? {}).find(
      ([key]) => normalizeKey(key) === registry,
    );
    if (helper) return this.#ask(helper[1], registry, options);
    for (const wanted of keysFor(registry, repository)) {
      for (const [key, entry] of Object.entries(this.#contents.auths ?? {})) {
        const credentials = normalizeKey(key) === wanted ? fromEntry(entry) : undefined;
        if (credentials) return credentials;
      }
    }
    const { credsStore } = this.#contents;
    return credsStore ? this.#ask(credsStore, registry, options) : undefined;
  }

  /** What is in it; who is behind a helper is not asked. */
  entries(): { registry: string; username?: string }[] {
    const { auths, credHelpers } = this.#contents;
    const names = new Map<string, string | undefined>();
    for (const key of Object.keys(credHelpers ?? {})) names.set(normalizeKey(key), undefined);
    for (const [key, entry] of Object.entries(auths ?? {})) {
      const credentials = fromEntry(entry);
      const username = credentials?.kind === "password" ? credentials.username : undefined;
      names.set(normalizeKey(key), username ?? names.get(normalizeKey(key)));
    }
    return [...names].map(([registry, username]) => ({ registry, username }));
  }

  async #ask(
    name: string,
    registry: string,
    { signal }: { signal?: AbortSignal },
  ): Promise<Credentials | undefined> {
    const program = `docker-credential-${name}`;
    if (!/^[\w.-]+$/.test(name)) {
      throw new AppError("INVALID_ARGUMENT", `${this.path} names a credential helper "${name}"`);
    }
    const key = registry === "docker.io" ? dockerKey : registry;
    const hint = `Install ${program}, or take it out of ${this.path}.`;
    const result = await runCommand([program, "get"], {
      ...{ stdin: Buffer.from(key), timeout: helperTimeout, env: this.#env, signal },
    }).catch((error: unknown) => {
      throw AppError.wrap(error, `The sign-in to ${registry} is not known`, { hint });
    });
    const said = result.stdout.toString("utf8");
    if (result.code !== 0) {
      // Helpers say on standard output that they know nothing.
      if (/credentials not found|no credentials|not found in/i.test(said)) return undefined;
      throw AppError.wrap(commandError(program, result), `The sign-in to ${registry} is not known`);
    }
    const answer = HelperAnswer.safeParse(parseJson(said));
    if (!answer.success) {
      throw new AppError("UNKNOWN", `${program} gave an answer that can't be read`, { hint });
    }
    const { Username: username, Secret: secret } = answer.data;
    if (username === "<token>") return { kind: "identity-token", token: secret };
    return secret === "" ? undefined : { kind: "password", username, password: secret };
  }
}

/** Those there are, in the order in which podman and docker look. */
export async function findAuthFiles(
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<{ files: AuthFile[]; problems: ErrorInfo[] }> {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, DOCKER_CONFIG } = env;
  const paths = [
    REGISTRY_AUTH_FILE,
    XDG_RUNTIME_DIR && join(XDG_RUNTIME_DIR, "containers/auth.json"),
    join(XDG_CONFIG_HOME || join(home, ".config"), "containers/auth.json"),
    join(DOCKER_CONFIG || join(home, ".docker"), "config.json"),
  ];
  const files: AuthFile[] = [];
  const problems: ErrorInfo[] = [];
  for (const path of paths) {
    if (!path) continue;
    try {
      const file = await AuthFile.read(path, env);
      if (file) files.push(file);
    } catch (error) {
      problems.push(AppError.from(error).toInfo());
    }
  }
  return { files, problems };
}

/** `quay.io/org/app`, `quay.io/org`, `quay.io` (containers-auth.json(5)). */
function keysFor(registry: string, repository: string | undefined): string[] {
  const parts = [registry, ...(repository?.split("/") ?? [])];
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}

/** Without the scheme and version that docker once wrote, and with one name for Docker Hub. */
function normalizeKey(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "")
    .replace(/\/v[12]$/, "");
  return bare.replace(/^(index|registry-1)\.docker\.io(?=\/|$)/, "docker.io");
}

function fromEntry(entry: z.infer<typeof Entry>): Credentials | undefined {
  if (entry.registrytoken) return { kind: "registry-token", token: entry.registrytoken };
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  const pair = entry.auth ? Buffer.from(entry.auth, "base64").toString("utf8") : "";
  const colon = pair.indexOf(":");
  const username = colon > 0 ? pair.slice(0, colon) : entry.username;
  // Docker pads the pair with zero bytes.
  const password = colon > 0 ? pair.slice(colon + 1).replace(/\0+$/, "") : entry.password;
  return username && password ? { kind: "password", username, password } : undefined;
}
