import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function projectHandlers({ projects }: Core): Handlers<AppContract>["projects"] {
  return {
    watch: (_input, { signal }) => projects.watch(signal),
    list: () => projects.list(),
    get: ({ id }) => projects.get(id),
    open: ({ path }) => projects.open(path),
    check: ({ source }) => projects.check(source),
    plan: ({ id }) => projects.plan(id),
    import: ({ source }) => projects.import(source),
    remove: async ({ id }) => {
      await projects.remove(id);
      return {};
    },
    up: async ({ id, ...options }) => {
      await projects.up(id, options);
      return {};
    },
    stop: async ({ id, services }) => {
      await projects.stop(id, services);
      return {};
    },
    restart: async ({ id, services }) => {
      await projects.restart(id, services);
      return {};
    },
    down: async ({ id, volumes }) => {
      await projects.down(id, { volumes });
      return {};
    },
  };
}
