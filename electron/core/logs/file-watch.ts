import { watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import { toDisposable, type Disposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";

interface Watched {
  watcher: FSWatcher;
  /** By file name. */
  listeners: Map<string, Set<() => void>>;
}

const directories = new Map<string, Watched>();

/**
 * Calls `onChange` after the file at `path` was written to, made, replaced or removed, and when its
 * directory goes. It is the directory that is watched (inotify, one watch however many listen), so
 * the file need not exist. A change may be told several times, never not at all: look at the file
 * after every call. Throws NOT_FOUND when there is no such directory, RESOURCE_EXHAUSTED when the
 * kernel has no watch left.
 */
export function watchFile(path: string, onChange: () => void): Disposable {
  const directory = dirname(path);
  const name = basename(path);
  const watched = directories.get(directory) ?? start(directory);
  const listeners = watched.listeners.get(name) ?? new Set();
  watched.listeners.set(name, listeners);
  const own = (): void => onChange();
  listeners.add(own);
  return toDisposable(() => {
    listeners.delete(own);
    if (listeners.size === 0 && watched.listeners.get(name) === listeners) {
      watched.listeners.delete(name);
    }
    if (watched.listeners.size === 0) stop(directory, watched);
  });
}

function start(directory: string): Watched {
  const watched: Watched = { watcher: open(directory), listeners: new Map() };
  const tellAll = (): void => {
    for (const listeners of watched.listeners.values())
      for (const listener of listeners) listener();
  };
  watched.watcher.on("change", (_event, file) => {
    const listeners = file === null ? undefined : watched.listeners.get(file.toString());
    if (listeners) for (const listener of listeners) listener();
    // The directory's own end is told with its own name.
    else if (file === null || file.toString() === basename(directory)) tellAll();
  });
  watched.watcher.on("error", () => {
    stop(directory, watched);
    tellAll();
  });
  directories.set(directory, watched);
  return watched;
}

function stop(directory: string, watched: Watched): void {
  watched.watcher.close();
  if (directories.get(directory) === watched) directories.delete(directory);
}

function open(directory: string): FSWatcher {
  try {
    return watch(directory, { persistent: false });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOSPC" && code !== "EMFILE") throw AppError.from(error);
    throw new AppError(
      "RESOURCE_EXHAUSTED",
      "The system has no inotify watch left",
      {
        hint: "Raise it: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024",
      },
      error,
    );
  }
}

/** A flag that one waits for; setting it while nobody waits is remembered. */
export class Wake {
  #set = false;
  #resolve: (() => void) | undefined;

  notify(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** Resolves when notified (true), after `timeout` ms or on abort (false), and clears the flag. */
  async wait({
    signal,
    timeout,
  }: { signal?: AbortSignal; timeout?: number } = {}): Promise<boolean> {
    if (!this.#set && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = timeout === undefined ? undefined : setTimeout(done, timeout);
        function done(): void {
          clearTimeout(timer);
          signal?.removeEventListener("abort", done);
          resolve();
        }
        this.#resolve = done;
        signal?.addEventListener("abort", done, { once: true });
      });
      this.#resolve = undefined;
    }
    const was = this.#set;
    this.#set = false;
    return was;
  }
}
