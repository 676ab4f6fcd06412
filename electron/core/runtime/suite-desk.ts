import { stat } from "node:fs/promises";
import { describe, it } from "vitest";
import { choosePrivileges } from "#core/host/privileges";
import type { RuntimeInfo } from "#shared/contract/system";
import { ChildManager } from "./child-manager.ts";
import { TaskManager } from "./manager.ts";
import { RuntimeRegistry } from "./plugin.ts";
import type { Runtime, Task, TaskEvent } from "./runtime.ts";
import { type TestRoot, makeTestRoot, rememberHost } from "./testing.ts";

/** What not every runtime can do. The first three are what the probe found out. */
export type Capability =
  | "pause"
  | "checkpoint"
  | "limits"
  /** Says itself when the kernel killed for want of memory. */
  | "oom"
  /** Names every process inside by a pid of this host. */
  | "pids"
  | "stats"
  /** Standard input without a terminal. */
  | "input"
  /** A container lives on when its shim was killed. */
  | "shim-loss"
  /** Tasks are taken up again by a later manager. */
  | "reload";

/** A kind of shim as the suite sees it. */
export interface SuiteSubject {
  info: RuntimeInfo;
  /** What the README calls it, `conmon + runc 1.1.5`; else its id and version. */
  title?: string;
  /** As a start of the manager makes them: nothing may be shared between two calls. */
  runtimes(root: TestRoot): Promise<Runtime[]>;
  /** What it can't do, each with the reason, as a sentence without its full stop. */
  lacks?: Partial<Record<Capability, string>>;
  /** argv of a manager of that root in a process of its own (task-manager.test.worker.ts), which is then killed. */
  manager?(root: string): string[];
}

/** A manager that can be put away and made anew, as a restart does. */
export class Desk {
  root!: TestRoot;
  readonly events: { id: string; event: TaskEvent }[] = [];
  readonly #subject: SuiteSubject;
  manager!: TaskManager;

  constructor(subject: SuiteSubject) {
    this.#subject = subject;
  }

  get info(): RuntimeInfo {
    return this.#subject.info;
  }

  /** Why it can't do that; undefined when it can. */
  lacks(capability: Capability): string | undefined {
    const { info, lacks } = this.#subject;
    if (lacks?.[capability] !== undefined) return lacks[capability];
    if (capability === "pause" || capability === "checkpoint" || capability === "limits") {
      const { ok, reason } = info.abilities[capability];
      return ok ? undefined : (reason ?? "it can't");
    }
    return undefined;
  }

  /** Does the first half of a test in a manager that is then killed, and takes up what is there; `between` the two. */
  async inKilledManager(
    work: (manager: ChildManager) => Promise<void>,
    between: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const argv = this.#subject.manager?.(this.root.dir);
    if (!argv) throw new Error("this runtime names no manager to be killed");
    this.manager.dispose();
    const child = await ChildManager.start(argv);
    try {
      await work(child);
    } finally {
      await child.kill();
      await between();
      await this.open();
    }
  }

  async open(): Promise<void> {
    if (!this.root) {
      this.root = await makeTestRoot();
      await rememberHost(this.root.paths);
    }
    const registry = new RuntimeRegistry();
    for (const runtime of await this.#subject.runtimes(this.root)) registry.set(runtime);
    this.manager = new TaskManager({
      paths: this.root.paths,
      registry,
      privileges: choosePrivileges(),
    });
    this.manager.onEvent(({ id, event }) => this.events.push({ id, event }));
    await this.manager.load();
  }

  /** Where no other manager can take the tasks up, the test goes on with this one. */
  async reopen(): Promise<void> {
    if (this.lacks("reload") !== undefined) return;
    this.manager.dispose();
    await this.open();
  }

  async create(id: string, script: string, change: Parameters<TestRoot["request"]>[2] = {}) {
    const request = await this.root.request(id, ["sh", "-c", script], change);
    return this.manager.create(this.#subject.info.id, request);
  }

  async run(id: string, script: string, change: Parameters<TestRoot["request"]>[2] = {}) {
    const task = await this.create(id, script, change);
    await task.start();
    return task;
  }

  get(id: string): Task {
    const task = this.manager.get("default", id);
    if (!task) throw new Error(`no task ${id}`);
    return task;
  }

  eventsOf(id: string, type: TaskEvent["type"]): TaskEvent[] {
    return this.events
      .filter((entry) => entry.id === id && entry.event.type === type)
      .map(({ event }) => event);
  }

  /** Fails when anything was left behind. */
  async close(): Promise<void> {
    this.manager.dispose();
    await this.root.close();
  }

  async clear(): Promise<void> {
    for (const task of this.manager.list()) await task.delete({ force: true });
    for (const { bundle } of this.manager.broken())
      await this.manager.discard(bundle.namespace, bundle.id);
    this.events.length = 0;
  }
}

/**
 * A row of the README's table (scripts/lib/runtimes-table.mjs): what a user would ask for by that name. Skipped with
 * the reason for a runtime that can't do it.
 */
export function feature(
  desk: Desk,
  name: string,
  needs: Capability | undefined,
  tests: () => void,
): void {
  const reason = needs && desk.lacks(needs);
  if (reason === undefined) describe(name, tests);
  else describe.skip(name, () => it(`can't: ${reason}`, () => {}));
}

/** Without what a distribution adds. */
export function plainVersion(version: string): string {
  return /^\d[\d.]*(~\d[\d.]*)?/.exec(version)?.[0] ?? version;
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Ends when a TERM comes, with status 0. */
export const polite = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
