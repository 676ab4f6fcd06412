import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CommandOptions, type CommandResult, runCommand } from "#core/host/command";
import type { Paths } from "#core/host/paths";
import type { Privileges } from "#core/host/privileges";
import { SealedProgram } from "#core/host/sealed-program";
import { AppError, isCode } from "#shared/errors";
import type { OciResources } from "../runtime.ts";
import { sandboxContainer, sandboxFiles, sandboxFlags } from "./runsc.ts";
import { ociError } from "./oci-error.ts";

/** An OCI runtime binary of this host. */
export interface OciBinary {
  /** `runc` */
  name: string;
  path: string;
  version: string;
  /** It refuses hybrid cgroups: the unified one is hidden from it in the shim's mount namespace. */
  hidesUnifiedCgroup: boolean;
  /** Its cgroups are scopes that it asks the user's systemd for, see host/delegation.ts. */
  systemdCgroup?: boolean;
  /** It is gVisor's, see runsc.ts. */
  sandbox?: boolean;
  /** Absolute path of a criu that works here; runc looks for it on PATH. */
  criu: string | undefined;
}

/** `runc state ID` (OCI runtime spec, runtime.md#state). */
export interface OciState {
  status: "creating" | "created" | "running" | "paused" | "stopped";
  pid: number;
}

/**
 * The executor: an OCI runtime's command line against the containers of one namespace. Methods reject with
 * the runtime's own words, mapped by oci-error.ts. `entry` is a living pid of the task (see Privileges.enter).
 */
export class OciCli {
  readonly binary: OciBinary;
  readonly #privileges: Privileges;
  readonly #paths: Paths;
  readonly #made = new Set<string>();

  constructor(binary: OciBinary, privileges: Privileges, paths: Paths) {
    this.binary = binary;
    this.#privileges = privileges;
    this.#paths = paths;
  }

  /** The runtime's own --root for a namespace: two namespaces may use the same container id. */
  root(namespace: string): string {
    return join(this.#paths.state, this.binary.name, namespace);
  }

  /** What the runtime calls a container: sandboxes of all roots and namespaces share one name space. */
  name(namespace: string, id: string): string {
    return this.binary.sandbox ? `${id}.${this.#mark(namespace)}` : id;
  }

  #mark(namespace: string): string {
    const of = join(this.#paths.data, namespace);
    return createHash("sha256").update(of).digest("hex").slice(0, 8);
  }

  /** Where the runtime keeps one container. */
  containerRoot(namespace: string, id: string): string {
    return join(this.root(namespace), this.name(namespace, id));
  }

  /** What to start: a copy that it need not make of itself. An ordinary user's rights may hang on the file's own path. */
  get executable(): string {
    const { path } = this.binary;
    return this.#privileges.rootless ? path : SealedProgram.of(path).path;
  }

  /** Made once; the runtime creates the rest. */
  async prepare(namespace: string): Promise<void> {
    if (this.#made.has(namespace)) return;
    await mkdir(this.root(namespace), { recursive: true, mode: 0o711 });
    this.#made.add(namespace);
  }

  /** What every call begins with. `log` is a file that takes the runtime's own words. */
  globals(namespace: string, log?: string): string[] {
    const logTo = log === undefined ? [] : ["--log", log];
    const systemd = this.binary.systemdCgroup ? ["--systemd-cgroup"] : [];
    const flags = this.binary.sandbox ? sandboxFlags : systemd;
    return ["--root", this.root(namespace), ...logTo, "--log-format", "json", ...flags];
  }

  argv(namespace: string, entry: number | undefined, args: string[], log?: string): string[] {
    return this.#privileges.enter(entry, [
      this.executable,
      ...this.globals(namespace, log),
      ...args,
    ]);
  }

  /** PATH of everything that may start criu. */
  get path(): string {
    const { criu } = this.binary;
    const path = process.env.PATH ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return criu ? `${join(criu, "..")}:${path}` : path;
  }

  env(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: this.path };
  }

  async run(
    call: { namespace: string; entry: number | undefined; context: string },
    args: string[],
    options: CommandOptions = {},
  ): Promise<CommandResult> {
    const result = await runCommand(this.argv(call.namespace, call.entry, args), {
      env: this.env(),
      ...options,
    });
    if (result.code !== 0) throw ociError(call.context, result.stderr.toString("utf8"));
    return result;
  }

  async state(
    namespace: string,
    id: string,
    entry: number | undefined,
    options: CommandOptions = {},
  ): Promise<{ text: string; state: OciState }> {
    const context = `The state of container "${id}" could not be read`;
    const { stdout } = await this.run(
      { namespace, entry, context },
      ["state", this.name(namespace, id)],
      options,
    );
    const text = stdout.toString("utf8");
    try {
      return { text, state: JSON.parse(text) as OciState };
    } catch (error) {
      throw new AppError("INTERNAL", context, { output: text.slice(0, 4096) }, error);
    }
  }

  async update(
    namespace: string,
    id: string,
    entry: number | undefined,
    resources: OciResources,
    file: string,
    options: CommandOptions = {},
  ): Promise<void> {
    const context = `The limits of container "${id}" could not be changed`;
    // A file, not standard input: crun opens /dev/stdin, which can't be done to a socket.
    await writeFile(file, JSON.stringify(resources), { mode: 0o600 });
    try {
      const call = { namespace, entry, context };
      await this.run(call, ["update", "--resources", file, this.name(namespace, id)], options);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Removes the runtime's state and the container's cgroup; `force` kills what runs. Idempotent. */
  async delete(
    namespace: string,
    id: string,
    entry: number | undefined,
    force: boolean,
  ): Promise<void> {
    const context = `Container "${id}" could not be deleted`;
    try {
      await this.run({ namespace, entry, context }, [
        "delete",
        ...(force ? ["--force"] : []),
        this.name(namespace, id),
      ]);
    } catch (error) {
      if (!isCode(error, "NOT_FOUND")) throw error;
    }
  }

  /** Every container the runtime has state of. */
  async containers(): Promise<{ namespace: string; id: string }[]> {
    const root = join(this.#paths.state, this.binary.name);
    const found: { namespace: string; id: string }[] = [];
    for (const namespace of await listNames(root)) {
      for (const name of await listNames(join(root, namespace))) {
        const id = this.binary.sandbox ? sandboxContainer(name, this.#mark(namespace)) : name;
        if (id !== undefined) found.push({ namespace, id });
      }
    }
    return found;
  }

  /** Forgets a container whose state the runtime itself can no longer read. */
  async discard(namespace: string, id: string): Promise<void> {
    const names = this.binary.sandbox ? sandboxFiles(this.name(namespace, id)) : [id];
    for (const name of names) {
      await rm(join(this.root(namespace), name), { recursive: true, force: true });
    }
  }
}

async function listNames(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
}
