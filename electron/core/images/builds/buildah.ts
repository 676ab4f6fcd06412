import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContentStore } from "../../content/content-store.ts";
import { runCommand } from "../../host/command.ts";
import type { Privileges } from "../../host/privileges.ts";
import type { CredentialStore } from "../../registry/credential-store.ts";
import { parseReference, type Reference, referenceText } from "../../registry/reference.ts";
import { isLoopback, type RegistryConfig } from "../../registry/registry-config.ts";
import type { ImageRecord } from "../image-store.ts";

/** A build's wish, with whole paths. */
export interface BuildahRequest {
  context: string;
  dockerfile: string;
  target?: string | undefined;
  args: Record<string, string>;
  noCache: boolean;
}

/** buildah with storage and settings of our own: nothing of the user's or the system's is read or written. */
export class Buildah {
  readonly #work: string;
  readonly #storage: string;
  readonly #privileges: Privileges;

  /** `work` is this build's and goes with it; `storage` is kept between builds, as their cache. */
  constructor(options: { work: string; storage: string; privileges: Privileges }) {
    this.#work = options.work;
    this.#storage = options.storage;
    this.#privileges = options.privileges;
  }

  /** undefined where there is none. */
  static async version(): Promise<string | undefined> {
    const { code, stdout } = await runCommand(["buildah", "--version"]).catch(() => ({
      code: -1,
      stdout: Buffer.alloc(0),
    }));
    return code === 0 ? /version (\S+)/.exec(stdout.toString())?.[1] : undefined;
  }

  /** Writes what it reads: how registries are spoken to, as whom, and that any signature will do. */
  async configure(options: {
    registries: RegistryConfig[];
    credentials: Pick<CredentialStore, "find">;
    /** Images that it may have to fetch. */
    bases: Reference[];
  }): Promise<void> {
    const { registries, credentials, bases } = options;
    await mkdir(join(this.#work, "certs"), { recursive: true, mode: 0o700 });
    const auths: Record<string, object> = {};
    const hosts = new Set(bases.map(({ registry }) => registry));
    for (const registry of hosts) {
      const { credentials: found } = await credentials.find(registry);
      if (found?.kind === "password") {
        const pair = `${found.username}:${found.password}`;
        auths[registry] = { auth: Buffer.from(pair).toString("base64") };
      } else if (found?.kind === "identity-token") {
        auths[registry] = { identitytoken: found.token };
      }
    }
    const local = [...hosts]
      .filter((host) => isLoopback(host) && !registries.some((one) => one.host === host))
      .map((host): RegistryConfig => ({ host, security: "insecure", mirrors: [] }));
    const write = (name: string, text: string): Promise<void> =>
      writeFile(join(this.#work, name), text, { mode: 0o600 });
    await write("auth.json", JSON.stringify({ auths }));
    await write("registries.conf", registriesConf([...registries, ...local]));
    await write("policy.json", JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    await write(
      "storage.conf",
      `[storage]\ndriver = "overlay"\ngraphroot = ${quoted(this.#storage)}\nrunroot = ${quoted(join(this.#work, "run"))}\n`,
    );
    for (const [at, { caFile }] of registries.entries()) {
      if (caFile !== undefined) await symlink(caFile, join(this.#work, "certs", `${at}.crt`));
    }
  }

  /** argv that gives it an image of ours, whose blobs it reads where they lie. */
  async provide(record: ImageRecord, content: ContentStore): Promise<string[]> {
    const name = `image-${record.id.slice(0, 12)}`;
    const layout = join(this.#work, name);
    await mkdir(layout, { recursive: true, mode: 0o700 });
    await symlink(join(content.directory, "blobs"), join(layout, "blobs")).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      },
    );
    await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    const { digest, mediaType } = record;
    const size = await content.stat(digest);
    const manifests = [{ digest, mediaType, size }];
    await writeFile(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    // Relative: it makes a name of this path, and an image's name has no capitals.
    return this.argv(["pull", ...this.#trust(), `oci:${name}`]);
  }

  /** argv that gives an image in its storage a name. */
  tag(id: string, name: string): string[] {
    return this.argv(["tag", id, referenceText(parseReference(name))]);
  }

  build(request: BuildahRequest): string[] {
    const { context, dockerfile, target, args, noCache } = request;
    return this.argv([
      ...["build", "--isolation", "chroot", "--format", "oci", "--pull=missing", "--layers"],
      ...[...this.#trust(), "--cert-dir", join(this.#work, "certs")],
      ...["--authfile", join(this.#work, "auth.json"), "--file", dockerfile],
      ...Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
      ...(target === undefined ? [] : ["--target", target]),
      ...(noCache ? ["--no-cache"] : []),
      ...["--iidfile", this.#result, "--", context],
    ]);
  }

  /**
   * argv that writes what was built as an oci-archive. Built right into one, it would not be in the storage, and so not
   * in the cache of the next build.
   */
  async save(output: string): Promise<string[]> {
    const id = (await readFile(this.#result, "utf8")).trim().replace("sha256:", "");
    return this.argv(["push", ...this.#trust(), id, `oci-archive:${output}`]);
  }

  /** Where it is run. */
  get directory(): string {
    return this.#work;
  }

  get env(): NodeJS.ProcessEnv {
    const { PATH, HTTP_PROXY, HTTPS_PROXY, NO_PROXY } = process.env;
    return {
      ...{ PATH: `${PATH ?? ""}:/usr/sbin:/sbin`, HTTP_PROXY, HTTPS_PROXY, NO_PROXY },
      ...{ HOME: this.#work, TMPDIR: this.#work, LC_ALL: "C.UTF-8" },
      CONTAINERS_STORAGE_CONF: join(this.#work, "storage.conf"),
      CONTAINERS_REGISTRIES_CONF: join(this.#work, "registries.conf"),
      ...(this.#privileges.rootless && this.#rootlessEnv()),
    };
  }

  /**
   * In namespaces of its own: whatever it mounts or starts goes with it, also when it or this manager is killed.
   */
  argv(args: string[]): string[] {
    const isolate = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const user = this.#privileges.rootless ? ["--user", "--map-auto", "--map-root-user"] : [];
    return [
      ...["setpriv", "--pdeathsig", "KILL", "--", "unshare", ...user, ...isolate],
      ...["buildah", "--root", this.#storage, "--runroot", join(this.#work, "run")],
      ...["--storage-driver", "overlay"],
      ...["--registries-conf", join(this.#work, "registries.conf")],
      ...["--short-name-alias-conf", join(this.#work, "aliases.conf"), ...args],
    ];
  }

  /** Root of a user namespace, it would else take itself for this machine's, whose locks it can't open. */
  #rootlessEnv(): NodeJS.ProcessEnv {
    return {
      _CONTAINERS_USERNS_CONFIGURED: "done",
      _CONTAINERS_ROOTLESS_UID: String(process.getuid?.()),
      XDG_RUNTIME_DIR: this.#work,
    };
  }

  get #result(): string {
    return join(this.#work, "built");
  }

  #trust(): string[] {
    return ["--signature-policy", join(this.#work, "policy.json")];
  }
}

/** containers-registries.conf(5), version 2. */
function registriesConf(registries: RegistryConfig[]): string {
  const insecure = ({ security }: { security?: RegistryConfig["security"] }): boolean =>
    security !== undefined && security !== "tls";
  const lines = ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "disabled"'];
  for (const registry of registries) {
    lines.push("[[registry]]", `location = ${quoted(registry.host)}`);
    lines.push(`insecure = ${insecure(registry)}`);
    for (const mirror of registry.mirrors) {
      const open = insecure(mirror) || isLoopback(mirror.host);
      lines.push("[[registry.mirror]]", `location = ${quoted(mirror.host)}`, `insecure = ${open}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A basic string of TOML, which JSON's are too. */
const quoted = (text: string): string => JSON.stringify(text);
