import { AsyncQueue } from "#shared/base/async-queue";
import { joinPath, splitPath } from "#shared/base/file-names";
import type { FileChange, FileEntry, FileSource } from "#shared/contract/files";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Handlers, ItemOf } from "#shared/rpc/define";

type Page = ItemOf<AppContract["files"]["list"]>;

interface FakeFile extends FileEntry {
  content?: Uint8Array;
}

const hour = 3_600_000;

/** The files of every container and image alike: a small root file system, changed here and there. */
export class FakeFiles {
  readonly #files = new Map<string, FakeFile>();
  readonly #watchers = new Map<string, Set<AsyncQueue<Page>>>();

  constructor() {
    const directories = ["/bin", "/etc", "/home", "/proc", "/root", "/srv", "/srv/app", "/tmp"];
    for (const path of directories) this.#put(path, { type: "directory", size: 4096, mode: 0o755 });
    this.#put("/bin/busybox", { mode: 0o755 }, new Uint8Array([127, 69, 76, 70, 2, 0, 0, 1]));
    this.#put("/bin/sh", { type: "symlink", target: "busybox", targetType: "file" });
    this.#put("/etc/hostname", { change: "added" }, "orders-worker\n");
    this.#put("/etc/passwd", { change: "modified" }, "root:x:0:0::/root:/bin/sh\n");
    this.#put("/etc/shadow", { mode: 0o640, group: "shadow", gid: 42 }, "root:*::0:::::\n");
    this.#put("/srv/app/config.toml", { change: "modified" }, config);
    this.#put(
      "/srv/app/orders.py",
      { mode: 0o755, user: "app", uid: 1000 },
      "import sys\n".repeat(300),
    );
    this.#put("/srv/app/latest", { type: "symlink", target: "/srv/releases/41" });
    this.#put("/srv/app/caf\udce9.txt", { change: "added" }, "A name in Latin-1.\n");
    this.#put("/srv/app/events", { type: "fifo", mode: 0o600 });
    this.#put("/tmp/upload.log", { change: "added", size: 48_200_000 }, "line\n");
  }

  handlers(): Handlers<AppContract>["files"] {
    return {
      list: ({ path }, { signal }) => this.#list(path, signal),
      stat: ({ path }) => this.#get(path),
      readText: ({ path, limit }) => {
        const { content = new Uint8Array(), size } = this.#get(path);
        const binary = content.includes(0);
        const text = binary ? "" : new TextDecoder().decode(content.subarray(0, limit));
        return { text, encoding: binary ? "binary" : "utf-8", size, cut: size > content.length };
      },
      download: ({ path }) => this.#download(path),
      upload: (input, up) => this.#upload(input, up),
      makeDirectory: ({ path }) => {
        this.#requireFree(path);
        this.#put(path, { type: "directory", size: 4096, mode: 0o755, change: "added" });
        return {};
      },
      rename: ({ path, to }) => {
        this.#requireFree(to);
        const { name: _name, ...file } = this.#get(path);
        this.#remove(path);
        this.#put(to, { ...file, change: "added" }, file.content);
        return {};
      },
      delete: ({ path }) => {
        this.#get(path);
        this.#remove(path);
        return {};
      },
      diff: ({ source }) => this.#diff(source),
      copyToHost: ({ path, hostDirectory }) => ({
        path: joinPath(hostDirectory, splitPath(this.#get(path).name).name),
      }),
      copyFromHost: ({ hostPath, directory }) => {
        const path = joinPath(directory, splitPath(hostPath).name);
        this.#put(path, { change: "added" }, "from this machine\n");
        return { path };
      },
    };
  }

  async *#list(path: string, signal: AbortSignal): AsyncGenerator<Page> {
    if (path !== "/" && this.#get(path).type !== "directory") {
      throw new AppError(
        "FAILED_PRECONDITION",
        `"${path}" could not be listed: it is not a directory`,
      );
    }
    const queue = new AsyncQueue<Page>();
    const watchers = this.#watchers.get(path) ?? new Set();
    this.#watchers.set(path, watchers.add(queue));
    const end = (): void => queue.end();
    signal.addEventListener("abort", end, { once: true });
    const put = [...this.#files].flatMap(([at, { content: _content, ...entry }]) =>
      splitPath(at).directory === path && at !== "/" ? [entry] : [],
    );
    try {
      yield { path, put, removed: [], complete: true, limited: false };
      yield* queue;
    } finally {
      signal.removeEventListener("abort", end);
      watchers.delete(queue);
    }
  }

  async *#download(path: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    yield new Uint8Array(this.#get(path).content ?? []);
  }

  async *#upload(
    input: { directory: string; name: string; overwrite: boolean },
    up: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<FileEntry> {
    const path = joinPath(input.directory, input.name);
    if (!input.overwrite) this.#requireFree(path);
    const chunks: Uint8Array[] = [];
    for await (const chunk of up) chunks.push(chunk);
    const content = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    this.#put(path, { change: "added" }, content);
    yield this.#get(path);
  }

  async *#diff(_source: FileSource): AsyncGenerator<{ changes: FileChange[]; limited: boolean }> {
    const changes = [...this.#files].flatMap(([path, { change, type, size }]): FileChange[] =>
      change ? [{ path, change, type, size }] : [],
    );
    const deleted: FileChange = { path: "/etc/motd", change: "deleted", type: "file", size: 212 };
    yield {
      changes: [...changes, deleted].sort((a, b) => (a.path < b.path ? -1 : 1)),
      limited: false,
    };
  }

  #get(path: string): FakeFile {
    const file = this.#files.get(path);
    if (file) return file;
    throw new AppError("NOT_FOUND", `"${path}" could not be read: it is not there`);
  }

  #requireFree(path: string): void {
    if (!this.#files.has(path)) return;
    const message = `"${path}" could not be written: there is something of that name already`;
    throw new AppError("ALREADY_EXISTS", message);
  }

  #put(path: string, values: Partial<FakeFile>, content?: string | Uint8Array): void {
    const { directory, name } = splitPath(path);
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const file: FakeFile = {
      ...{
        name,
        type: "file",
        size: bytes?.length ?? 0,
        mode: 0o644,
        mtime: Date.now() - 5 * hour,
      },
      ...{ uid: 0, gid: 0, user: "root", group: "root" },
      ...values,
      ...(bytes ? { content: bytes } : {}),
    };
    this.#files.set(path, { ...file, name });
    const { content: _content, ...entry } = file;
    this.#tell(directory, { put: [{ ...entry, name }], removed: [] });
  }

  #remove(path: string): void {
    for (const each of this.#files.keys()) {
      if (each === path || each.startsWith(`${path}/`)) this.#files.delete(each);
    }
    const { directory, name } = splitPath(path);
    this.#tell(directory, { put: [], removed: [name] });
  }

  #tell(path: string, change: Pick<Page, "put" | "removed">): void {
    const page: Page = { path, ...change, complete: true, limited: false };
    for (const watcher of this.#watchers.get(path) ?? []) watcher.push(page);
  }
}

const config = `# Orders, priced in batches.
[queue]
url = "amqp://queue:5672"
prefetch = 250

[pricing]
currency = "EUR"
rounding = "half-even"
`;
