import { stat } from "node:fs/promises";
import { choosePrivileges } from "#core/host/privileges";
import type { RuntimeInfo } from "#shared/contract/system";
import { TaskManager } from "./manager.ts";
import { RuntimeRegistry } from "./plugin.ts";
import type { Runtime, Task, TaskEvent } from "./runtime.ts";
import { type TestRoot, makeTestRoot } from "./testing.ts";

/** A kind of shim as the suite sees it. */
export interface SuiteSubject {
  info: RuntimeInfo;
  /** As a start of the manager makes them: nothing may be shared between two calls. */
  runtimes(root: TestRoot): Promise<Runtime[]>;
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

  async open(): Promise<void> {
    this.root ??= await makeTestRoot();
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

  async reopen(): Promise<void> {
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

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Ends when a TERM comes, with status 0. */
export const polite = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
