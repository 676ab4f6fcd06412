import type { Checkpoint } from "#shared/contract/checkpoints";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";
import { type FakeContainers, running } from "./fake-containers.ts";
import { day, fakeId, hour, MiB } from "./fake-data.ts";
import type { FakeList } from "./fake-list.ts";

export function fakeCheckpoints(): Checkpoint[] {
  const make = (
    n: number,
    ago: number,
    name: string,
    MiBs: number,
    more: Partial<Checkpoint> = {},
  ) => ({
    id: `checkpoint-${n}`,
    containerId: fakeId(3),
    containerName: "orders-worker",
    containerExists: true,
    name,
    createdAt: Date.now() - ago,
    size: MiBs * MiB,
    options: {
      leaveRunning: true,
      tcpEstablished: false,
      fileLocks: false,
      externalUnixSockets: false,
    },
    runtime: "oci/runc",
    ...more,
  });
  return [
    make(1, 2 * hour, "before-migration", 212),
    make(2, 4 * hour, "auto", 208),
    make(3, 5 * hour, "auto", 207),
    make(4, day, "warm-cache", 198),
    make(5, 3 * day, "trained", 884, { containerId: fakeId(6), containerName: "sim-batch-07" }),
    make(6, 9 * day, "last-known-good", 96, {
      containerId: fakeId(77),
      containerName: "billing-old",
      containerExists: false,
    }),
  ];
}

export function fakeCheckpointHandlers(
  checkpoints: FakeList<Checkpoint>,
  containers: FakeContainers,
): Handlers<AppContract>["checkpoints"] {
  return {
    watch: (_, { signal }) => checkpoints.watch(signal),
    create: ({ containerId, name, options }) => {
      const checkpoint: Checkpoint = {
        id: `checkpoint-${Date.now()}`,
        containerId,
        containerName: containers.get(containerId).name,
        containerExists: true,
        name,
        createdAt: Date.now(),
        size: 21_000_000,
        options,
        runtime: "oci/runc",
      };
      checkpoints.put(checkpoint);
      return checkpoint;
    },
    restore: async ({ id }) => {
      const checkpoint = checkpoints.items.get(id);
      if (checkpoint) await containers.become(checkpoint.containerId, "restoring", running());
      return {};
    },
    delete: ({ id }) => {
      checkpoints.remove(id);
      return {};
    },
  };
}
