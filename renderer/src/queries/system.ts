import { skipToken, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import type { AppContract } from "#shared/contract/index";
import type { CdiDevices, Settings, SystemInfo } from "#shared/contract/system";
import type { ItemOf, MethodOf } from "#shared/rpc/define";
import { useClient, useLive, useShell } from "./client.tsx";
import type { Live } from "./live.ts";

export const systemKeys = {
  info: ["system"] as const,
  settings: ["settings"] as const,
  host: ["host"] as const,
  cdi: ["system", "cdi"] as const,
};

/** What this machine offers; undefined until first heard. */
export function useSystem(): SystemInfo | undefined {
  const live = useLive();
  useEffect(() => live.watchValue("system.watch", systemKeys.info), [live]);
  return useQuery<SystemInfo>({ queryKey: systemKeys.info, queryFn: skipToken }).data;
}

export function useSettings(): Settings | undefined {
  const live = useLive();
  useEffect(() => live.watchValue("system.watchSettings", systemKeys.settings), [live]);
  return useQuery<Settings>({ queryKey: systemKeys.settings, queryFn: skipToken }).data;
}

/** The devices that have names here, as they were when this was mounted or last asked for again. */
export function useCdiDevices(): UseQueryResult<CdiDevices> {
  const client = useClient();
  return useQuery({
    queryKey: systemKeys.cdi,
    queryFn: ({ signal }) => client.call("system.cdiDevices", {}, { signal }),
  });
}

/** What hosts the window, and whether it has a file picker. */
export function useHost() {
  const shell = useShell();
  return useQuery({
    queryKey: systemKeys.host,
    queryFn: ({ signal }) => shell.call("shell.host", {}, { signal }),
  }).data;
}

export type HostLoad = ItemOf<MethodOf<AppContract, "stats.host">>;

/** One moment of this machine's load; outside react-query, for it changes every second. */
class HostLoadStore {
  #load: HostLoad | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(live: Live) {
    live.watchItems("stats.host", (load) => {
      this.#load = load;
      for (const listener of this.#listeners) listener();
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly get = (): HostLoad | undefined => this.#load;
}

const hostLoads = new WeakMap<Live, HostLoadStore>();

export function useHostLoad(): HostLoad | undefined {
  const live = useLive();
  let store = hostLoads.get(live);
  if (!store) {
    store = new HostLoadStore(live);
    hostLoads.set(live, store);
  }
  return useSyncExternalStore(store.subscribe, store.get);
}

/** Required things that are missing or unusable, and runtimes that failed their probe: the rail's badge. */
export function systemTrouble(info: SystemInfo | undefined): number {
  if (!info) return 0;
  const parts = info.prerequisites.filter(
    (each) => each.required && each.status !== "found",
  ).length;
  const noRuntime = info.runtimes.length > 0 && !info.runtimes.some(({ usable }) => usable.ok);
  return parts + (noRuntime ? 1 : 0);
}
