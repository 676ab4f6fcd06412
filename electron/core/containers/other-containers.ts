import { AppError } from "#shared/errors";
import type { ContainerRecord, ContainerStore } from "./container-store.ts";
import { sharedNetwork } from "./spec/namespaces.ts";

/** A container by its name or the beginning of its id. NOT_FOUND, with the field that names it. */
export function requireOther(
  store: ContainerStore,
  container: string,
  field: string,
): ContainerRecord {
  const id = store.idOf(container) ?? store.list().find((one) => one.id.startsWith(container))?.id;
  const record = id === undefined ? undefined : store.find(id);
  if (record) return record;
  throw new AppError("NOT_FOUND", `There is no container "${container}"`, { field });
}

/**
 * The container whose network one is in: itself, or the last of those of which each has the next one's.
 * FAILED_PRECONDITION when that leads round.
 */
export function networkOwner(store: ContainerStore, record: ContainerRecord): ContainerRecord {
  const passed = new Set<string>();
  let owner = record;
  for (;;) {
    const next = sharedNetwork(owner.config);
    if (next === undefined) return owner;
    if (passed.has(owner.id)) {
      throw new AppError("FAILED_PRECONDITION", "It would have its own network by others", {
        ...{ field: "networks", hint: `Give "${owner.config.name}" a network of its own.` },
      });
    }
    passed.add(owner.id);
    owner = requireOther(store, next, "networks");
  }
}

/** What a container calls itself, where it has no name of its own to do so by. */
export const nameInside = ({ id, config }: ContainerRecord): string =>
  config.hostname || id.slice(0, 12);
