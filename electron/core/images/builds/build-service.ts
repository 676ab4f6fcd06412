import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { BuildLine, Image } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import type { ContentStore } from "../../content/content-store.ts";
import { buildsDir, type Paths, workDir } from "../../host/paths.ts";
import type { Privileges } from "../../host/privileges.ts";
import type { OperationService } from "../../operations/operation-service.ts";
import { parseReference } from "../../registry/reference.ts";
import type { RegistryService } from "../../registry/registry-service.ts";
import { Serial } from "../../runtime/serial.ts";
import { removeTree } from "../../snapshots/snapshotter.ts";
import type { ArchiveLoader } from "../archive-loader.ts";
import type { ImageService } from "../image-service.ts";
import type { ImageStore } from "../image-store.ts";
import type { Leases } from "../leases.ts";
import { BuildLog } from "./build-log.ts";
import { Buildah } from "./buildah.ts";
import { baseImages } from "./dockerfile.ts";

/** How long a build's log can be read after its end: 10 minutes, in milliseconds. */
const keptFor = 10 * 60_000;
/** Lines of the log that an error carries. */
const errorLines = 40;
const dockerfileNames = ["Dockerfile", "Containerfile"];
/** Bytes: what is longer is no Dockerfile. */
const maxDockerfile = 4 * 1024 * 1024;

export interface BuildRequest {
  buildId: string;
  context: string;
  dockerfile?: string | undefined;
  target?: string | undefined;
  args: Record<string, string>;
  name: string;
  noCache?: boolean | undefined;
}

export interface BuildServiceOptions {
  paths: Paths;
  privileges: Privileges;
  images: ImageService;
  store: ImageStore;
  content: ContentStore;
  leases: Leases;
  loader: ArchiveLoader;
  registries: RegistryService;
  operations: OperationService;
}

/** Builds Dockerfiles with buildah, and takes over what comes of it. */
export class BuildService {
  readonly #o: BuildServiceOptions;
  readonly #logs = new Map<string, BuildLog>();
  readonly #running = new Set<BuildLog>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Builds share a storage, which two of them would lock each other out of. */
  readonly #serial = new Serial();

  constructor(options: BuildServiceOptions) {
    this.#o = options;
  }

  async builder(): Promise<{ tool?: string; version?: string; reason?: string }> {
    const version = await Buildah.version();
    if (version !== undefined) return { tool: "buildah", version };
    return { reason: "There is no buildah on this machine. Install it: apt-get install buildah" };
  }

  /** From its first line, also of one that has not begun yet, to its end. */
  watch(buildId: string, signal: AbortSignal): AsyncGenerator<BuildLine, void, void> {
    return this.#log(buildId).watch(signal);
  }

  /** INVALID_ARGUMENT when the build fails, with the end of its log. `within`: see OperationService.run. */
  async build(request: BuildRequest, within?: AbortSignal): Promise<Image> {
    const { buildId, name } = request;
    const log = this.#begin(buildId);
    const spec = { kind: "build", title: `Building ${name}`, cancellable: true };
    try {
      parseReference(name);
      return await this.#o.operations.run(
        spec,
        (op) => {
          op.detail("Waiting for other builds");
          return this.#serial.run(async () => {
            op.signal.throwIfAborted();
            op.detail("Running its steps");
            return this.#build(request, log, op);
          });
        },
        within,
      );
    } catch (error) {
      log.add(AppError.from(error).message);
      throw error;
    } finally {
      log.end();
      this.#running.delete(log);
      this.#forgetLater(buildId, log);
    }
  }

  /** Removes what builds have kept for the next ones; waits for those that run. */
  clearCache(): Promise<void> {
    return this.#serial.run(() => removeTree(buildsDir(this.#o.paths), this.#o.privileges));
  }

  dispose(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #build(
    request: BuildRequest,
    log: BuildLog,
    op: Parameters<Parameters<OperationService["run"]>[1]>[0],
  ): Promise<Image> {
    const { paths, privileges, images, loader, registries } = this.#o;
    const { reason } = await this.builder();
    if (reason !== undefined) {
      throw new AppError("FAILED_PRECONDITION", "Nothing here can build images", { hint: reason });
    }
    const dockerfile = await findDockerfile(request);
    const bases = baseImages(await readDockerfile(dockerfile), request.args);
    const work = workDir(paths, op.id);
    const storage = join(buildsDir(paths), "storage");
    const output = join(work, "image.tar");
    const buildah = new Buildah({ work, storage, privileges });
    try {
      await mkdir(storage, { recursive: true, mode: 0o700 });
      await buildah.configure({
        registries: registries.configs(),
        credentials: registries.credentials,
        bases: bases.flatMap((base) => parsed(base) ?? []),
      });
      await this.#provide(buildah, bases, log, op.signal);
      const argv = buildah.build({
        ...{ context: request.context, dockerfile },
        ...{ target: request.target, args: request.args, noCache: request.noCache ?? false },
      });
      await this.#run(buildah, argv, log, op.signal);
      await this.#run(buildah, await buildah.save(output), new BuildLog(), op.signal);
      op.detail("Taking over the image");
      const source = { source: "build", origin: request.context, names: [request.name] } as const;
      const [record] = await loader.load(output, op, { ...source, names: [request.name] });
      if (!record) throw new AppError("INTERNAL", "The build has made no image");
      return images.added(record);
    } finally {
      await removeTree(work, privileges);
    }
  }

  /** Gives it the images that it needs and that are here. */
  async #provide(
    buildah: Buildah,
    bases: string[],
    log: BuildLog,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, content, leases } = this.#o;
    await leases.during({ what: "build" }, async (lease) => {
      for (const base of bases) {
        const record = parsed(base) && store.findByName(base);
        if (!record) continue;
        await lease.hold({
          digests: [record.digest, `sha256:${record.id}`, ...record.layers.map((l) => l.digest)],
        });
        const quiet = new BuildLog();
        log.add(`Using ${base} as it is here`);
        await this.#run(buildah, await buildah.provide(record, content), quiet, signal);
        await this.#run(buildah, buildah.tag(record.id, base), quiet, signal);
      }
    });
  }

  /** Everything it starts has ended when this resolves or rejects. */
  async #run(buildah: Buildah, argv: string[], log: BuildLog, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const [file = "", ...args] = argv;
    const child = spawn(file, args, {
      ...{ stdio: ["ignore", "pipe", "pipe"], env: buildah.env, cwd: buildah.directory },
    });
    const ended = once(child, "close") as Promise<[number | null]>;
    const stop = (): void => void child.kill("SIGKILL");
    signal.addEventListener("abort", stop, { once: true });
    const writers = [child.stdout, child.stderr].map((stream) => {
      const writer = log.writer();
      stream.on("data", (bytes: Buffer) => writer.push(bytes));
      return writer;
    });
    try {
      const [code] = await ended;
      for (const writer of writers) writer.end();
      signal.throwIfAborted();
      if (code === 0) return;
      throw new AppError("INVALID_ARGUMENT", lastWords(log) ?? "The build has failed", {
        output: log.tail(errorLines),
      });
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** That of those who wait for it already. ALREADY_EXISTS for an id that had its build. */
  #begin(buildId: string): BuildLog {
    const log = this.#log(buildId);
    if (this.#running.has(log) || log.ended) {
      throw new AppError("ALREADY_EXISTS", `There was a build "${buildId}" already`, {
        field: "buildId",
      });
    }
    this.#running.add(log);
    return log;
  }

  #log(buildId: string): BuildLog {
    const known = this.#logs.get(buildId);
    if (known) return known;
    const log = new BuildLog();
    this.#logs.set(buildId, log);
    this.#forgetLater(buildId, log);
    return log;
  }

  #forgetLater(buildId: string, log: BuildLog): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#running.has(log)) this.#logs.delete(buildId);
    }, keptFor);
    timer.unref();
    this.#timers.add(timer);
  }
}

async function findDockerfile({ context, dockerfile }: BuildRequest): Promise<string> {
  const found = await stat(context).catch((error: unknown) => {
    throw AppError.wrap(error, `${context} can't be read`, { field: "context" });
  });
  if (!found.isDirectory()) {
    throw new AppError("INVALID_ARGUMENT", `${context} is not a directory`, { field: "context" });
  }
  const names = dockerfile === undefined ? dockerfileNames : [dockerfile];
  for (const name of names) {
    const path = resolve(context, name);
    if (
      await stat(path).then(
        (file) => file.isFile(),
        () => false,
      )
    )
      return path;
  }
  throw new AppError("NOT_FOUND", `There is no ${names.join(" or ")} in ${context}`, {
    field: dockerfile === undefined ? "context" : "dockerfile",
  });
}

async function readDockerfile(path: string): Promise<string> {
  if ((await stat(path)).size <= maxDockerfile) return readFile(path, "utf8");
  throw new AppError("INVALID_ARGUMENT", `${path} is too long for a Dockerfile`, {
    field: "dockerfile",
  });
}

function parsed(name: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(name);
  } catch {
    return undefined;
  }
}

/** buildah ends with "Error: ..." or with what a command's exit status was. */
function lastWords(log: BuildLog): string | undefined {
  const line = log
    .tail(errorLines)
    .split("\n")
    .findLast((text) => /\berror\b/i.test(text));
  return line && `The build has failed: ${line.replace(/^Error: /, "")}`;
}
