import type { Exchange, Topic } from "../events/exchange.ts";
import type { ContainerStore } from "./container-store.ts";

/** Publishes what happened to a container, with the name that its record has. */
export function tell(
  { exchange, store }: { exchange: Exchange; store: ContainerStore },
  topic: Topic,
  id: string,
  data: Record<string, string> = {},
  partOf?: Topic,
): void {
  const containerName = store.find(id)?.config.name;
  exchange.publish({
    topic,
    containerId: id,
    ...(containerName ? { containerName } : {}),
    data,
    ...(partOf ? { partOf } : {}),
  });
}
