import {
  QueryClient,
  QueryClientProvider,
  skipToken,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from "react";
import type { Event } from "#shared/base/emitter";
import type { AppContract } from "#shared/contract/index";
import type { ManagerName, ShellContract } from "#shared/contract/shell";
import type { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import {
  type Collection,
  type CollectionSource,
  type DeltaItem,
  type DeltaMethod,
  emptyCollection,
  Live,
} from "./live.ts";

/** What the window needs of its connection to a manager; transport.ts makes the real one. */
export interface WindowConnection {
  readonly client: Client<AppContract>;
  readonly state: "connected" | "reconnecting" | "closed";
  /** Why it could not be opened (again) when that was last tried. */
  readonly trouble?: AppError | undefined;
  readonly onState: Event<WindowConnection["state"]>;
}

export interface WindowConnections {
  /** Which manager is shown. */
  readonly manager: ManagerName;
  readonly shown: WindowConnection;
  /** Of the user who opened the window, which keeps the window's own settings. */
  readonly user: Pick<WindowConnection, "client">;
  readonly shell: { readonly client: Client<ShellContract> };
}

interface Core extends WindowConnections {
  live: Live;
}

const CoreContext = createContext<Core | undefined>(undefined);

/** A cache whose entries are pushed, never fetched again on a whim. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: Infinity,
        retry: false,
        refetchOnMount: false,
        refetchOnReconnect: false,
        refetchOnWindowFocus: false,
        networkMode: "always",
      },
      mutations: { networkMode: "always", retry: false },
    },
  });
}

/** Gives the window its client, its cache and the streams that fill it. */
export function CoreProvider(props: {
  connections: WindowConnections;
  queries: QueryClient;
  children: ReactNode;
}) {
  const { connections, queries, children } = props;
  const core = useMemo(
    () => ({ ...connections, live: new Live(connections.shown.client, queries) }),
    [connections, queries],
  );
  return (
    <QueryClientProvider client={queries}>
      <CoreContext value={core}>{children}</CoreContext>
    </QueryClientProvider>
  );
}

function useCore(): Core {
  const core = use(CoreContext);
  if (!core) throw new Error("CoreProvider is missing");
  return core;
}

export function useClient(): Client<AppContract> {
  return useCore().shown.client;
}

/** The program that shows the window. */
export function useShell(): Client<ShellContract> {
  return useCore().shell.client;
}

/** Which manager is shown: the user's or the machine's. */
export function useManager(): ManagerName {
  return useCore().manager;
}

/** Whether the core can be reached just now. */
export function useConnection(): WindowConnection["state"] {
  const { shown } = useCore();
  return useSyncExternalStore(useOnState(), () => shown.state);
}

/** Why the core can't be reached; undefined when it can, or nobody knows. */
export function useConnectionTrouble(): AppError | undefined {
  const { shown } = useCore();
  return useSyncExternalStore(useOnState(), () => shown.trouble);
}

function useOnState(): (listener: () => void) => () => void {
  const { shown } = useCore();
  return useCallback(
    (listener) => {
      const subscription = shown.onState(listener);
      return () => subscription.dispose();
    },
    [shown],
  );
}

export function useLive(): Live {
  return useCore().live;
}

/** A list that is kept current by its stream, which is opened when first used. */
export function useCollection<N extends DeltaMethod>(
  source: CollectionSource<N>,
): Collection<DeltaItem<N>> {
  const live = useLive();
  useEffect(() => live.watchCollection(source), [live, source]);
  const { data } = useQuery<Collection<DeltaItem<N>>>({ queryKey: source.key, queryFn: skipToken });
  return data ?? emptyCollection;
}

/** One item of such a list; renders again only when that item changes. */
export function useCollectionItem<N extends DeltaMethod>(
  source: CollectionSource<N>,
  id: string | undefined,
): DeltaItem<N> | undefined {
  const live = useLive();
  useEffect(() => live.watchCollection(source), [live, source]);
  const { data } = useQuery<Collection<DeltaItem<N>>, Error, DeltaItem<N> | undefined>({
    queryKey: source.key,
    queryFn: skipToken,
    select: (collection) => (id === undefined ? undefined : collection.items.get(id)),
  });
  return data;
}

/** The list as it is at this moment, for what happens outside rendering. */
export function useReadCollection<N extends DeltaMethod>(
  source: CollectionSource<N>,
): () => Collection<DeltaItem<N>> {
  const queries = useQueryClient();
  return useCallback(
    () => queries.getQueryData<Collection<DeltaItem<N>>>(source.key) ?? emptyCollection,
    [queries, source],
  );
}
