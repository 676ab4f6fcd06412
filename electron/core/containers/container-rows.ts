import type { Container } from "#shared/contract/containers";
import type { HealthStatus } from "#shared/contract/health";
import type { ErrorInfo } from "#shared/errors";
import { defaultNamespace } from "../base/ids.ts";
import type { NetworkService } from "../network/network-service.ts";
import type { Tasks } from "../runtime/runtime.ts";
import type { Activities } from "./activities.ts";
import type { ContainerRecord, ContainerStore } from "./container-store.ts";
import { type Live, toContainer, toOrphan } from "./container-view.ts";
import { brokenOf } from "./running.ts";

export interface ContainerRowsOptions {
  store: ContainerStore;
  tasks: Tasks;
  networks: NetworkService;
  activities: Activities;
  /** As its checks have found it. */
  healthOf: (id: string) => HealthStatus | undefined;
}

/** The list of containers: those on record, and what is there without one. */
export class ContainerRows {
  readonly #o: ContainerRowsOptions;

  constructor(options: ContainerRowsOptions) {
    this.#o = options;
  }

  list(): Container[] {
    const rows = this.#o.store.list().map((record) => this.of(record));
    const known = new Set(rows.map(({ id }) => id));
    for (const id of this.#orphans()) {
      const row = known.has(id) ? undefined : this.find(id);
      if (row) rows.push(row);
    }
    return rows;
  }

  of(record: ContainerRecord): Container {
    return toContainer(record, this.#live(record.id));
  }

  /** undefined when there is nothing of it. */
  find(id: string): Container | undefined {
    const { store } = this.#o;
    const record = store.find(id);
    if (record) return this.of(record);
    const live = this.#live(id);
    const damaged = store.damaged.find((one) => one.id === id);
    if (damaged) return toOrphan(id, live, damaged.error);
    if (live.task) return toOrphan(id, live, lostRecord);
    return live.broken ? toOrphan(id, live, live.broken) : undefined;
  }

  #orphans(): Set<string> {
    const { tasks, store } = this.#o;
    return new Set([
      ...store.damaged.map(({ id }) => id),
      ...tasks.list().flatMap(({ namespace, id }) => (namespace === defaultNamespace ? [id] : [])),
      ...tasks
        .broken()
        .flatMap(({ bundle }) => (bundle.namespace === defaultNamespace ? [bundle.id] : [])),
    ]);
  }

  #live(id: string): Live {
    const { tasks, networks, activities, healthOf } = this.#o;
    return {
      task: tasks.get(defaultNamespace, id),
      ports: networks.connections.ports(id),
      broken: brokenOf(tasks, id),
      activity: activities.get(id),
      health: healthOf(id),
    };
  }
}

const lostRecord: ErrorInfo = {
  code: "DATA_LOSS",
  message: "Its record is gone",
  details: { hint: "It goes on running; it can only be deleted by force." },
};
