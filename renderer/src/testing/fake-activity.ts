import { AsyncQueue } from "#shared/base/async-queue";
import type { Event, Operation } from "#shared/contract/activity";
import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

/** What happened and what goes on. */
export class FakeActivity {
  readonly events: Event[];
  readonly #operations: FakeList<Operation>;
  readonly #watchers = new Set<AsyncQueue<Event>>();

  constructor(events: Event[], operations: FakeList<Operation>) {
    this.events = events;
    this.#operations = operations;
  }

  publish(topic: string, container: Container): void {
    const event: Event = {
      seq: (this.events.at(-1)?.seq ?? 0) + 1,
      time: Date.now(),
      topic,
      namespace: "default",
      containerId: container.id,
      containerName: container.name,
      data: {},
    };
    this.events.push(event);
    for (const watcher of this.#watchers) watcher.push(event);
  }

  handlers(): Handlers<AppContract>["activity"] {
    return {
      events: ({ containerId, before, limit }) =>
        this.events
          .filter((event) => containerId === undefined || event.containerId === containerId)
          .filter((event) => before === undefined || event.seq < before)
          .slice(-limit)
          .reverse(),
      watchEvents: (_, { signal }) => this.#watch(signal),
      watchOperations: (_, { signal }) => this.#operations.watch(signal),
      cancel: ({ id }) => {
        this.#operations.patch(id, (operation) => ({
          ...operation,
          status: "cancelled",
          endedAt: Date.now(),
        }));
        return {};
      },
    };
  }

  async *#watch(signal: AbortSignal): AsyncGenerator<Event> {
    const queue = new AsyncQueue<Event>();
    this.#watchers.add(queue);
    signal.addEventListener("abort", () => queue.end(), { once: true });
    yield* queue;
  }
}
