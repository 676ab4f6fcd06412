import { createHash } from "node:crypto";
import { mkdir, realpath, rm } from "node:fs/promises";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Disposable } from "#shared/base/disposable";
import { toDisposable } from "#shared/base/disposable";
import { AppError } from "#shared/errors";
import type { Paths } from "./paths.ts";

/** What the holder of a root tells a second manager. */
export interface Holder {
  pid: number;
  startedAt: number;
  /** `electron`, `headless`, `test` */
  kind: string;
  url?: string;
}

export interface Lock extends Disposable {
  readonly holder: Holder;
  /** Where the holder serves its window, once it does. */
  setUrl(url: string): void;
}

/** A holder answers at once, being an event loop; one that takes longer than this is busy. Milliseconds. */
const answerTimeout = 250;
/**
 * One that has not answered for so long is stopped or swapped out. A manager that was just killed may hold its
 * sockets a little longer: a child that it was starting has them until it executes its program. Milliseconds.
 */
const patience = 3000;
/** Milliseconds until the next try. */
const retryDelay = 20;

/**
 * Makes this process the only manager of `paths`. The lock itself is a socket in Linux's abstract namespace:
 * the kernel gives its name to one process and takes it back when that ends, however it ends, so there is
 * nothing stale to take over and no race. `state/manager.sock` is where the holder says who it is.
 * Rejects FAILED_PRECONDITION naming the holder when another manager has it.
 */
export async function acquireLock(request: { paths: Paths; kind: string }): Promise<Lock> {
  const { paths, kind } = request;
  await mkdir(paths.state, { recursive: true, mode: 0o700 });
  // The real path: a root reached through a symbolic link is the same root.
  const state = await realpath(paths.state);
  const path = join(state, "manager.sock");
  const hash = createHash("sha256").update(state).digest("hex").slice(0, 32);
  const lock = await claim(`\0shimyard-${hash}`, path, paths);
  const holder: Holder = { pid: process.pid, startedAt: Date.now(), kind };
  const speaker = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(JSON.stringify(holder));
  });
  try {
    await rm(path, { force: true });
    await listen(speaker, path);
  } catch (error) {
    lock.close();
    throw AppError.wrap(error, `${path} could not be made`);
  }
  // Neither keeps the process from ending.
  lock.unref();
  speaker.unref();
  const release = toDisposable(() => {
    speaker.close();
    lock.close();
  });
  return {
    holder,
    setUrl: (url) => {
      holder.url = url;
    },
    dispose: () => release.dispose(),
  };
}

/** The lock's server, listening. */
async function claim(name: string, path: string, paths: Paths): Promise<Server> {
  const until = Date.now() + patience;
  for (;;) {
    const lock = createServer((socket) => socket.destroy());
    const listens = await listen(lock, name).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EADDRINUSE") throw error;
        return false;
      },
    );
    // Also when the name was free: another network namespace has abstract names of its own.
    const other = await askHolder(path, answerTimeout);
    if (listens && other === undefined) return lock;
    lock.close();
    const answers = other !== undefined && other !== "silent";
    if (answers || Date.now() > until) throw held(other, paths);
    await delay(retryDelay);
  }
}

/** Who manages this root now; undefined when nobody does, or nobody answers. */
export async function currentHolder(paths: Paths): Promise<Holder | undefined> {
  const holder = await askHolder(join(paths.state, "manager.sock"), patience);
  return holder === "silent" ? undefined : holder;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** "silent": someone listens but does not answer in time; undefined: nobody listens. */
function askHolder(path: string, timeout: number): Promise<Holder | "silent" | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let text = "";
    let connected = false;
    const timer = setTimeout(() => finish("silent"), timeout);
    const finish = (answer: Holder | "silent" | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => {
      connected = true;
    });
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => finish(connected ? "silent" : undefined));
    socket.on("end", () => finish(parseHolder(text)));
  });
}

const holderSchema = z.object({
  pid: z.number(),
  startedAt: z.number(),
  kind: z.string(),
  url: z.string().optional(),
});

function parseHolder(text: string): Holder | "silent" {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return "silent";
  }
}

function held(other: Holder | "silent" | undefined, paths: Paths): AppError {
  if (other === "silent" || other === undefined) {
    return new AppError(
      "FAILED_PRECONDITION",
      `Another Shimyard manages ${paths.data}, but it does not answer`,
      {
        subject: paths.data,
        hint: "It may be stopped or overloaded: look for its process and end it, then start again.",
      },
    );
  }
  return new AppError(
    "FAILED_PRECONDITION",
    `Another Shimyard (process ${other.pid}, ${other.kind}) already manages ${paths.data}`,
    {
      subject: paths.data,
      hint: other.url
        ? `Use its window at ${other.url}, or quit it first.`
        : `Use its window, or quit it first (kill ${other.pid}). Containers keep running meanwhile.`,
    },
  );
}
