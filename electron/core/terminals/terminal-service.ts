import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DisposableStore, type Disposable } from "#shared/base/disposable";
import type { Delta } from "#shared/contract/common";
import type {
  Terminal,
  TerminalInput,
  TerminalOutput,
  terminals,
} from "#shared/contract/terminals";
import { AppError } from "#shared/errors";
import type { InputOf } from "#shared/rpc/define";
import { explainFullDisk } from "../base/disk.ts";
import { ListWatch } from "../base/list-watch.ts";
import { nameError } from "../containers/name-error.ts";
import type { Process, Task, Tasks } from "../runtime/runtime.ts";
import { dropScreen, saveScreen } from "./saved-screen.ts";
import { findShell } from "./shell.ts";
import { TerminalSession } from "./terminal-session.ts";

const sighup = 1;
const sigkill = 9;
/** A shell has this long to end after its hang-up, ms. */
const closeGrace = 2000;
/** Exec ids that are terminals. */
const prefix = "term-";
/** Set unless the caller or the container says otherwise. */
const defaultEnv = { TERM: "xterm-256color", COLORTERM: "truecolor", LANG: "C.UTF-8" };

/** A container that can have terminals: a task of ours, or what stands for one of another owner's. */
export interface TerminalHost {
  readonly id: string;
  /** Where its spec is, in config.json. */
  readonly bundle: string;
  readonly state: { status: string; pid: number | undefined };
  /** Of a container that no list of ours has. */
  readonly containerName?: string;
  exec: Task["exec"];
  process: Task["process"];
  processes: Task["processes"];
}

/** Those that are no tasks of ours. */
export interface TerminalHosts {
  /** With what earlier managers left. */
  load(): Promise<TerminalHost[]>;
  /** As it is now. */
  find(containerId: string): Promise<TerminalHost | undefined>;
}

export interface TerminalServiceOptions {
  tasks: Tasks;
  namespace: string;
  elsewhere?: TerminalHosts;
  /** What the user calls a container of ours. */
  nameOf?: (containerId: string) => string | undefined;
  /** When `load` has ended: a window that was there before must not take what is not found yet for closed. */
  ready?: Promise<unknown>;
}

/** The terminals of every container: execs with a shim each, and attachments to inits. */
export class TerminalService implements Disposable {
  readonly #tasks: Tasks;
  readonly #namespace: string;
  readonly #elsewhere: TerminalHosts | undefined;
  readonly #nameOf: TerminalServiceOptions["nameOf"];
  readonly #sessions = new Map<string, TerminalSession>();
  readonly #list: ListWatch<Terminal>;
  readonly #ready: Promise<unknown> | undefined;
  #loading: boolean;
  readonly #disposables = new DisposableStore();

  constructor({ tasks, namespace, elsewhere, nameOf, ready }: TerminalServiceOptions) {
    this.#tasks = tasks;
    this.#namespace = namespace;
    this.#elsewhere = elsewhere;
    this.#nameOf = nameOf;
    this.#list = new ListWatch<Terminal>({
      list: () => [...this.#sessions.values()].map((session) => session.terminal),
      get: (id) => this.#sessions.get(id)?.terminal,
      ...(ready && { ready }),
    });
    this.#ready = ready;
    this.#loading = ready !== undefined;
    ready?.then(
      () => (this.#loading = false),
      () => undefined,
    );
    this.#disposables.add(
      tasks.onEvent(({ namespace, id, event }) => {
        if (namespace !== this.#namespace || event.type !== "shim-lost") return;
        for (const session of this.#sessions.values()) {
          if (session.containerId === id && session.process.id === event.processId) {
            session.lose(event.error);
          }
        }
      }),
    );
  }

  /** Finds the terminals that earlier managers made. After `Tasks.load`. */
  async load(): Promise<void> {
    const own = this.#tasks.list().filter(({ namespace }) => namespace === this.#namespace);
    const others = (await this.#elsewhere?.load()) ?? [];
    for (const task of [...own, ...others]) {
      for (const process of task.processes()) {
        if (process.id.startsWith(prefix)) this.#add(task, process, "exec", process.createdAt);
        else if (process.id === "init") {
          const createdAt = await attachedSince(process);
          if (createdAt !== undefined) this.#add(task, process, "attach", createdAt);
        }
      }
    }
  }

  /** Every terminal, then what changes. */
  watch(signal: AbortSignal): AsyncGenerator<Delta<Terminal>> {
    return this.#list.watch(signal);
  }

  /** FAILED_PRECONDITION when the container does not run, or has no shell and no command was given. */
  async exec(
    input: InputOf<typeof terminals.exec>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Terminal> {
    const { containerId, user, cwd, cols, rows } = input;
    const task = await this.#host(containerId);
    const { status, pid } = task.state;
    if (status !== "running" || pid === undefined) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `A terminal needs a running container, this one is ${status}`,
        { subject: containerId, hint: status === "paused" ? "Resume it first." : undefined },
      );
    }
    const request = {
      id: `${prefix}${randomBytes(8).toString("hex")}`,
      args: input.args.length > 0 ? input.args : [await findShell(pid)],
      user,
      cwd,
      env: await environment(task, input.env ?? []),
      terminal: true,
      size: { cols, rows },
    };
    const process = await task.exec(request, { signal }).catch(async (error: unknown) => {
      const explained = await explainFullDisk(error, task.bundle);
      const name = task.containerName ?? this.#nameOf?.(containerId);
      throw name === undefined ? explained : nameError(explained, { id: task.id, name });
    });
    // The size it began with; a window that comes later draws the output so.
    await saveScreen(process.directory, { data: "", offset: 0, cols, rows }).catch(() => undefined);
    return this.#add(task, process, "exec", process.createdAt).terminal;
  }

  /** The container's own terminal; the same again while it is the same process. */
  async attach({ containerId }: InputOf<typeof terminals.attach>): Promise<Terminal> {
    const task = await this.#host(containerId);
    const process = task.process("init");
    if (!process) {
      throw new AppError("FAILED_PRECONDITION", "The container has no process to attach to", {
        subject: containerId,
      });
    }
    const known = this.#sessions.get(attachId(containerId));
    if (known?.process === process) return known.terminal;
    const createdAt = Date.now();
    await writeFile(attachPath(process), JSON.stringify({ createdAt })).catch((error: unknown) => {
      throw AppError.wrap(error, "The terminal can't be kept");
    });
    return this.#add(task, process, "attach", createdAt).terminal;
  }

  /** See the contract. NOT_FOUND for a terminal that was closed; UNAVAILABLE before those of earlier managers are found. */
  connect(
    { id }: InputOf<typeof terminals.connect>,
    up: AsyncIterable<TerminalInput>,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<TerminalOutput> {
    return this.#session(id).connect(up, options);
  }

  async saveScreen({ id, ...screen }: InputOf<typeof terminals.saveScreen>): Promise<void> {
    await this.#session(id).saveScreen(screen);
  }

  /** Ends an exec (SIGHUP, SIGKILL after 2 s) and removes what it left; an attachment is only forgotten. */
  async close({ id }: InputOf<typeof terminals.close>): Promise<void> {
    const session = this.#session(id);
    const { process } = session;
    if (session.kind === "exec") {
      if (process.state.status === "running") await hangUp(process);
      session.dispose();
      await session.settled();
      await process.remove();
    } else {
      session.dispose();
      await session.settled();
      await rm(attachPath(process), { force: true });
      await dropScreen(process.directory);
    }
    this.#remove(session);
  }

  /** Forgets a deleted container's terminals; their files went with it. */
  forget(containerId: string): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.containerId === containerId) this.#remove(session);
    }
  }

  /** The processes go on. */
  dispose(): void {
    this.#disposables.dispose();
    for (const session of this.#sessions.values()) session.dispose();
    this.#sessions.clear();
  }

  async #host(containerId: string): Promise<TerminalHost> {
    await this.#ready;
    const task = this.#tasks.get(this.#namespace, containerId);
    if (task) return task;
    const other = await this.#elsewhere?.find(containerId);
    if (other) return other;
    throw new AppError("FAILED_PRECONDITION", "The container is not running", {
      subject: containerId,
      hint: "Start it first.",
    });
  }

  #session(id: string): TerminalSession {
    const session = this.#sessions.get(id);
    if (session) return session;
    if (this.#loading) throw new AppError("UNAVAILABLE", "The terminals are still being found");
    throw new AppError("NOT_FOUND", "This terminal was closed", { subject: id });
  }

  #add(
    task: TerminalHost,
    process: Process,
    kind: Terminal["kind"],
    createdAt: number,
  ): TerminalSession {
    const id = kind === "exec" ? process.id : attachId(task.id);
    const known = this.#sessions.get(id);
    if (known?.process === process) return known;
    known?.dispose();
    const session = new TerminalSession({
      ...{ id, containerId: task.id, kind, process, createdAt },
      containerName: task.containerName,
    });
    this.#sessions.set(id, session);
    session.onChange(() => this.#list.changed(id));
    this.#list.changed(id);
    return session;
  }

  #remove(session: TerminalSession): void {
    session.dispose();
    this.#sessions.delete(session.id);
    this.#list.changed(session.id);
  }
}

const attachId = (containerId: string): string => `attach-${containerId}`;
/** Its presence says that somebody attached and has not closed. */
const attachPath = (process: Process): string => join(process.directory, "attach.json");

async function attachedSince(process: Process): Promise<number | undefined> {
  try {
    const { createdAt } = JSON.parse(await readFile(attachPath(process), "utf8")) as {
      createdAt?: unknown;
    };
    return typeof createdAt === "number" ? createdAt : process.createdAt;
  } catch {
    return undefined;
  }
}

/** The variables to add: ours give way to the container's own language and to what the caller says. */
async function environment(task: TerminalHost, asked: string[]): Promise<string[]> {
  const env = new Map<string, string>(Object.entries(defaultEnv));
  if (await hasLanguage(task)) env.delete("LANG");
  for (const entry of asked) {
    const equals = entry.indexOf("=");
    if (equals > 0) env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return [...env].map(([name, value]) => `${name}=${value}`);
}

async function hasLanguage(task: TerminalHost): Promise<boolean> {
  try {
    const spec = JSON.parse(await readFile(join(task.bundle, "config.json"), "utf8")) as {
      process?: { env?: string[] };
    };
    return spec.process?.env?.some((entry) => /^(LANG|LC_ALL)=./.test(entry)) ?? false;
  } catch {
    return false;
  }
}

async function hangUp(process: Process): Promise<void> {
  const gone = (error: unknown): undefined => {
    // It ended by itself meanwhile.
    if (AppError.from(error).code !== "NOT_FOUND") throw error;
    return undefined;
  };
  await process.kill(sighup).catch(gone);
  const ended = await process.wait({ signal: AbortSignal.timeout(closeGrace) }).catch(() => "late");
  if (ended === "late") await process.kill(sigkill).catch(gone);
}
