import type { AppContract } from "#shared/contract/index";
import type { Sample } from "#shared/contract/stats";
import type { Client } from "#shared/rpc/define";
import { useCallback, useSyncExternalStore } from "react";
import { useClient } from "./client.tsx";
import { StatsStore } from "./stats-store.ts";

const stores = new WeakMap<Client<AppContract>, StatsStore>();

/** All samples, for what compares containers rather than showing one. */
export function useStats(): StatsStore {
  const client = useClient();
  let store = stores.get(client);
  if (!store) {
    store = new StatsStore(client);
    stores.set(client, store);
  }
  return store;
}

/** The newest sample of a container; undefined while it is not running. */
export function useSample(id: string): Sample | undefined {
  const store = useStats();
  return useSyncExternalStore(
    useCallback((listener) => store.watch(id, listener), [store, id]),
    () => store.sample(id),
  );
}

/** CPU over the last minute, oldest first; 1.0 is one whole CPU. */
export function useSparkline(id: string): readonly number[] {
  const store = useStats();
  return useSyncExternalStore(
    useCallback((listener) => store.watchSparkline(id, listener), [store, id]),
    () => store.sparkline(id),
  );
}

/** The last 10 minutes, oldest first. */
export function useHistory(id: string): readonly Sample[] {
  const store = useStats();
  return useSyncExternalStore(
    useCallback((listener) => store.watchHistory(id, listener), [store, id]),
    () => store.history(id),
  );
}
