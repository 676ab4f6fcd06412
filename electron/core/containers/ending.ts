import type { ContainerService } from "./container-service.ts";

/** Removes a container that has ended where it is to be removed then, once nobody does anything to it any more. */
export async function removeEnded(containers: ContainerService, id: string): Promise<void> {
  const { activities, records, lifecycle } = containers;
  await activities.get(id)?.ended;
  const record = records.find(id);
  if (!record?.config.autoRemove || lifecycle.isLive(id)) return;
  // One that never ran, or could not, has something to tell.
  if (record.startedAt === undefined || record.startError) return;
  await containers.delete(id, false);
}

/** The same for what ended while no manager ran. What can't be removed stays, and is listed. */
export async function removeAllEnded(containers: ContainerService): Promise<void> {
  const ids = containers.records.list().map(({ id }) => id);
  await Promise.all(ids.map((id) => removeEnded(containers, id).catch(() => undefined)));
}
