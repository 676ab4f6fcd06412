import { projectLabels } from "#shared/base/project-labels";
import type { Disposable } from "#shared/base/disposable";
import { Emitter } from "#shared/base/emitter";
import { projectNamePattern } from "#shared/compose/project";
import type { Container } from "#shared/contract/containers";
import type { ContainerService } from "../containers/container-service.ts";

/** The containers that are a project's by their labels, as they are now. */
export class ProjectContainers implements Disposable {
  readonly #containers: ContainerService;
  readonly #rows = new Map<string, Container>();
  readonly #abort = new AbortController();
  readonly #changed = new Emitter<string>();

  /** Tells the name of a project of which a container is new, different or gone. */
  readonly onChange = this.#changed.event;

  constructor(containers: ContainerService) {
    this.#containers = containers;
    // It rejects when the containers could not be loaded, which whoever lists them is told.
    void this.#follow().catch(() => undefined);
  }

  /** Names of the projects that have any. */
  projects(): Set<string> {
    return new Set([...this.#rows.values()].flatMap((row) => projectOf(row) ?? []));
  }

  find(id: string): Container | undefined {
    return this.#rows.get(id);
  }

  /** By service and number. */
  of(project: string): Container[] {
    return inOrder([...this.#rows.values()].filter((row) => projectOf(row) === project));
  }

  /** What `of` answers, but surely with all that has happened until now. */
  async listOf(project: string): Promise<Container[]> {
    return inOrder((await this.#containers.list()).filter((row) => projectOf(row) === project));
  }

  /** Looks now and after each change of a project's containers, until `look` answers; throws what it throws. */
  async until<T>(
    project: string,
    look: () => T | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          subscription.dispose();
          signal.removeEventListener("abort", end);
          resolve();
        };
        const subscription = this.onChange((name) => {
          if (name === project) end();
        });
        signal.addEventListener("abort", end);
      });
    }
  }

  dispose(): void {
    this.#abort.abort();
    this.#changed.dispose();
  }

  async #follow(): Promise<void> {
    for await (const { reset, put, removed } of this.#containers.watch(this.#abort.signal)) {
      if (reset) this.#rows.clear();
      const touched = new Set<string>();
      const touch = (row: Container | undefined): void => {
        const project = row && projectOf(row);
        if (project !== undefined) touched.add(project);
      };
      for (const row of put) {
        touch(this.#rows.get(row.id));
        touch(row);
        if (projectOf(row) === undefined) this.#rows.delete(row.id);
        else this.#rows.set(row.id, row);
      }
      for (const id of removed) {
        touch(this.#rows.get(id));
        this.#rows.delete(id);
      }
      for (const project of touched) this.#changed.fire(project);
    }
  }
}

const inOrder = (rows: Container[]): Container[] =>
  rows.sort((a, b) => serviceOf(a).localeCompare(serviceOf(b)) || numberOf(a) - numberOf(b));

/** A label that can't be a project's name is somebody's own. */
function projectOf({ labels }: Container): string | undefined {
  const name = labels[projectLabels.project];
  return name !== undefined && projectNamePattern.test(name) ? name : undefined;
}
/** The service that a container is of; its name where nothing says. */
export const serviceOf = ({ labels, name }: Container): string =>
  labels[projectLabels.service] ?? name;
export const numberOf = ({ labels }: Container): number =>
  Number(labels[projectLabels.number] ?? 1) || 1;
