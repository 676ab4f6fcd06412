import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { AsyncQueue } from "#shared/base/async-queue";
import { joinPath, splitPath } from "#shared/base/file-names";
import type { FileChange, FileEntry } from "#shared/contract/files";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { AgentContract, AgentProgress, AgentRoots } from "./agent-contract.ts";
import { Changes } from "./changes.ts";
import { entryOf, readOwners } from "./entries.ts";
import { fileError } from "./file-error.ts";
import { list } from "./list.ts";
import { O_PATH } from "./openat.ts";
import { download, readText } from "./read.ts";
import { type Place, RootDirectory, self } from "./root-directory.ts";
import {
  copyTree,
  makeDirectory,
  ownerIn,
  putInPlace,
  removeAll,
  requireWritable,
  type Tell,
  writeAll,
  writeWhole,
} from "./write.ts";

const pageSize = 500;
const mostChanges = 100_000;

/** What the agent answers, once it was told its root. Every error is an AppError that names the path. */
export function agentHandlers(): Handlers<AgentContract> {
  let root: RootDirectory;
  let changes: Changes | undefined;
  const host = new RootDirectory(openDirectory("/"));
  const stat = (place: Place): FileEntry => {
    const directory = root.pathOf(place.fd);
    const entry = entryOf(root, directory, place, readOwners(root));
    const change = root.has(place.fd) ? changes?.among(directory)(entry.name) : undefined;
    return change ? { ...entry, change } : entry;
  };
  return {
    agent: {
      open(roots) {
        root = openRoot(roots.root);
        if (roots.changes) {
          const { upper, image, rootless } = roots.changes;
          changes = new Changes(
            new RootDirectory(openDirectory(upper), "refused"),
            new RootDirectory(openDirectory(image), "refused"),
            { rootless },
          );
        }
        return {};
      },

      async *list({ path }, { signal }) {
        yield* saying(path, "could not be listed", list(root, changes, path, signal));
      },

      stat: ({ path }) => said(path, "could not be looked at", () => root.place(path, stat)),

      readText: ({ path, limit }) =>
        said(path, "could not be read", () => readText(root, path, limit)),

      async *download({ path }, { signal }) {
        const content = download(root, path, readOwners(root), signal);
        yield* saying(path, "could not be downloaded", content);
      },

      async *upload({ directory, name, size, overwrite }, up) {
        const path = joinPath(directory, name);
        const entry = await said(path, "could not be written", () =>
          root.place(path, async (place) => {
            const fallback = ownerIn(place.fd, 0o644);
            await writeWhole(place, { overwrite, fallback }, async (file) => {
              let written = 0;
              for await (const bytes of up) {
                await writeAll(file, bytes);
                written += bytes.length;
              }
              if (written !== size) {
                throw new AppError("DATA_LOSS", `${written} bytes came of ${size}`, {
                  hint: "The file was changed or became unreadable meanwhile: try again.",
                });
              }
              // So that after a power cut there is the old file or the whole new one.
              await file.datasync();
            });
            return stat(place);
          }),
        );
        yield entry;
      },

      makeDirectory: ({ path }) =>
        said(path, "could not be made", () => {
          root.place(path, makeDirectory);
          return {};
        }),

      rename: ({ path, to }) =>
        said(path, "could not be renamed", () => {
          root.place(path, (from) =>
            root.place(to, (place) => {
              requireWritable(from.fd);
              requireWritable(place.fd);
              putInPlace(from, place, false);
            }),
          );
          return {};
        }),

      async *delete({ path }, { signal }) {
        const removed = telling((tell) =>
          root.place(path, async (place) => {
            await removeAll(place, tell, signal);
            return path;
          }),
        );
        yield* saying(path, "could not be deleted", removed);
      },

      async *diff(_input, { signal }) {
        let page: FileChange[] = [];
        let count = 0;
        for (const change of changes?.all() ?? []) {
          if (count === mostChanges) break;
          count += 1;
          page.push(change);
          if (page.length < pageSize) continue;
          yield { changes: page, limited: false };
          page = [];
          await setImmediate();
          signal.throwIfAborted();
        }
        yield { changes: page, limited: count === mostChanges };
      },

      async *copyToHost({ path, hostDirectory, overwrite }, { signal }) {
        const name = splitPath(path).name;
        const target = joinPath(hostDirectory.replace(/(.)\/+$/, "$1"), name);
        const copied = telling((tell) =>
          root.place(path, (from) =>
            host.place(target, async (to) => {
              await copyTree(from, to, { overwrite, ownersOf: "us", tell, signal });
              return target;
            }),
          ),
        );
        yield* saying(path, `could not be copied to ${hostDirectory}`, copied);
      },

      async *copyFromHost({ hostPath, directory, overwrite }, { signal }) {
        const target = joinPath(directory, splitPath(hostPath.replace(/(.)\/+$/, "$1")).name);
        const copied = telling((tell) =>
          // As cp: a link that is named is followed, those found in a directory are not.
          host.at(hostPath, (found) =>
            root.place(target, async (to) => {
              const own = host.pathOf(found);
              await host.place(own, (from) =>
                copyTree(from, to, { overwrite, ownersOf: "directory", tell, signal }),
              );
              return target;
            }),
          ),
        );
        yield* saying(hostPath, `could not be copied to ${directory}`, copied);
      },
    },
  };
}

function openDirectory(path: string): number {
  return openSync(path, O_PATH | constants.O_DIRECTORY);
}

function openRoot(root: AgentRoots["root"]): RootDirectory {
  if ("path" in root) return new RootDirectory(openDirectory(root.path));
  const { pid, upper } = root;
  const gone = new AppError("UNAVAILABLE", "It ended just now", { hint: "Look again." });
  let process: number;
  try {
    // The directory of that very process: when it ends, nothing is found there any more.
    process = openDirectory(`/proc/${pid}`);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? gone : error;
  }
  try {
    const mounts = readFileSync(`${self(process)}/mountinfo`, "utf8");
    if (mounts === "") throw gone;
    if (!isRootOf(mounts, upper)) {
      throw new AppError("FAILED_PRECONDITION", "Its files can't be reached while it runs", {
        hint: "It runs in a sandbox of its own: stop it to see them.",
      });
    }
    return new RootDirectory(openDirectory(`${self(process)}/root`));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ESRCH" || code === "ENOENT" ? gone : error;
  } finally {
    closeSync(process);
  }
}

/** Whether what is mounted at `/` is the overlay with this upper directory (proc_pid_mountinfo(5)). */
export function isRootOf(mountinfo: string, upper: string): boolean {
  const roots = mountinfo.split("\n").filter((line) => line.split(" ")[4] === "/");
  const options = roots.at(-1)?.split(" - ")[1]?.split(" ")[2] ?? "";
  const plain = options.replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, "latin1").toString("utf8").split(",").includes(`upperdir=${upper}`);
}

async function said<T>(path: string, what: string, body: () => Promise<T> | T): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw fileError(error, path, what);
  }
}

async function* saying<T>(path: string, what: string, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw fileError(error, path, what);
  }
}

/** What `body` tells, and at the end the path that it answers. The newest is enough for who reads slowly. */
async function* telling(body: (tell: Tell) => Promise<string>): AsyncGenerator<AgentProgress> {
  const queue = new AsyncQueue<AgentProgress>();
  let last: AgentProgress = { files: 0, bytes: 0 };
  let told = 0;
  const tell: Tell = async ({ files, bytes }) => {
    last = { files, bytes };
    // Ten times a second is more than one can read; and calls that wait have their turn.
    if (Date.now() - told < 100) return;
    told = Date.now();
    queue.push(last);
    await setImmediate();
  };
  void body(tell).then(
    (path) => {
      queue.push({ ...last, path });
      queue.end();
    },
    (error: unknown) => queue.fail(error),
  );
  yield* queue;
}
