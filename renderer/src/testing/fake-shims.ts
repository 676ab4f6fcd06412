import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import type { Shim } from "#shared/contract/shims";
import { AppError } from "#shared/errors";
import type { Handlers } from "#shared/rpc/define";
import { type FakeList, pause } from "./fake-list.ts";

/** One for each container that has one, of both kinds, and a bundle of which nothing can be made. */
export function fakeShims(containers: Container[]): Shim[] {
  const live = containers.filter(({ state }) =>
    ["running", "paused", "shim-lost", "unknown"].includes(state.status),
  );
  const shims = live.map((container, index): Shim => {
    const { id, state, runtime } = container;
    const bundle = `/var/lib/shimyard/tasks/default/${id}`;
    const lost = state.status === "shim-lost";
    const v2 = index % 5 === 3;
    const pid = 48_000 + index * 17;
    return {
      ...{ id: `default/${id}`, namespace: "default", containerId: id, bundle },
      status: lost ? "lost" : state.status === "unknown" ? "unreachable" : "alive",
      kind: v2 ? "containerd-shim-runc-v2" : "conmon",
      version: v2 ? "1.6.20" : "2.1.6",
      runtimeId: v2 ? "shim/io.containerd.runc.v2" : runtime,
      runtime: { name: "runc", path: "/usr/sbin/runc", version: "1.1.5" },
      processes: lost
        ? []
        : [
            { pid, role: "shim", process: "init" },
            ...(v2 ? [{ pid: pid + 1, role: "log" as const, process: "init" }] : []),
            ...(index === 0 ? [{ pid: pid + 2, role: "exec" as const, process: "t-4f20" }] : []),
          ],
      ...(lost || state.startedAt === undefined ? {} : { startedAt: state.startedAt }),
      address: v2 ? "/run/containerd/s/4c1f0a" : `${bundle}/ctl`,
      ...(state.error ? { error: state.error } : {}),
    };
  });
  if (shims.length === 0) return [];
  const id = "0b5e".repeat(16);
  return [
    ...shims,
    {
      ...{ id: `default/${id}`, namespace: "default", containerId: id, status: "broken" },
      ...{ kind: "", processes: [], bundle: `/var/lib/shimyard/tasks/default/${id}` },
      error: {
        code: "DATA_LOSS",
        message: `/var/lib/shimyard/tasks/default/${id.slice(0, 12)}…/state.json is damaged`,
        details: { output: "Unexpected end of JSON input" },
      },
    },
  ];
}

export function fakeShimHandlers(shims: FakeList<Shim>): Handlers<AppContract>["shims"] {
  return {
    watch: (_, { signal }) => shims.watch(signal),
    async *watchMemory(_, { signal }) {
      while (!signal.aborted) {
        const pids = [...shims.items.values()].flatMap(({ kind, processes }) =>
          processes.map(({ pid, role }) => ({ pid, big: role === "shim" && kind !== "conmon" })),
        );
        yield Object.fromEntries(
          pids.map(({ pid, big }) => [
            String(pid),
            big ? { rss: 13_600_000, pss: 3_900_000 } : { rss: 2_900_000, pss: 372_000 },
          ]),
        );
        await pause(2000, signal);
      }
    },
    log: ({ id }) => {
      const shim = shims.items.get(id);
      if (!shim || shim.kind === "conmon") {
        throw new AppError("NOT_FOUND", "It has written no log");
      }
      const text =
        'time="2026-03-01T10:00:00Z" level=info msg="starting signal loop" namespace=default pid=48051\n';
      return { path: `${shim.bundle}/log`, text, truncated: false };
    },
    reconnect: () => ({}),
    terminate: ({ id }) => {
      shims.patch(id, (shim) => {
        const { startedAt, ...rest } = shim;
        return startedAt === undefined ? shim : { ...rest, status: "lost", processes: [] };
      });
      return {};
    },
    discard: ({ id }) => {
      shims.remove(id);
      return {};
    },
  };
}
