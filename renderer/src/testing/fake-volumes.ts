import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Volume, VolumeUser } from "#shared/contract/volumes";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import type { FakeList } from "./fake-list.ts";

const day = 86_400_000;

/** One in use, one with labels, and two that nobody named, of which one is left over. */
export function fakeVolumes(containers: Container[]): Volume[] {
  const [first, second] = containers;
  const user = (container: Container | undefined, target: string): VolumeUser[] =>
    container
      ? [{ containerId: container.id, containerName: container.name, target, readOnly: false }]
      : [];
  const volume = (id: string, more: Partial<Volume>): Volume => ({
    ...{ id, labels: {}, anonymous: false, createdAt: Date.now() - 3 * day, usedBy: [] },
    ...more,
  });
  return [
    volume("shop-data", { usedBy: [...user(first, "/var/lib/data"), ...user(second, "/data")] }),
    volume("old-backups", { labels: { team: "ops" }, createdAt: Date.now() - 40 * day }),
    volume("a".repeat(64), { anonymous: true, usedBy: user(second, "/cache") }),
    volume("b".repeat(64), { anonymous: true }),
  ];
}

export function fakeVolumeHandlers(volumes: FakeList<Volume>): Handlers<AppContract>["volumes"] {
  const all = (): Volume[] => [...volumes.items.values()];
  const sized = (list: Volume[]) => list.map(({ id }, at) => ({ id, size: (at + 1) * 4096 }));
  const prunable = (what: "anonymous" | "unused") =>
    sized(all().filter((one) => one.usedBy.length === 0 && (one.anonymous || what === "unused")));
  return {
    watch: (_, { signal }) => volumes.watch(signal),
    list: all,
    create: ({ name = "calm-heron", labels = {} }) => {
      if (volumes.items.has(name)) {
        const message = `There is a volume named "${name}" already`;
        throw new AppError("ALREADY_EXISTS", message, { field: "name" });
      }
      const made = { id: name, labels, anonymous: false, createdAt: Date.now(), usedBy: [] };
      volumes.put(made);
      return made;
    },
    delete: ({ id }) => {
      volumes.remove(id);
      return {};
    },
    diskUse: () => sized(all()),
    previewPrune: ({ what }) => {
      const list = prunable(what);
      return { volumes: list, frees: list.reduce((sum, { size }) => sum + size, 0) };
    },
    prune: ({ what }) => {
      const list = prunable(what);
      volumes.remove(...list.map(({ id }) => id));
      return { volumes: list.length, freed: list.reduce((sum, { size }) => sum + size, 0) };
    },
    async *download() {
      yield new Uint8Array(1024);
    },
    backUp: () => ({}),
    restore: () => ({ files: 12, skippedDevices: 0 }),
  };
}
