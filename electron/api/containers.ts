import { readEnvFile } from "#core/containers/env-file";
import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function containerHandlers(core: Core): Handlers<AppContract>["containers"] {
  const { containers, checkpoints, health, processes, replacements } = core;
  const { lifecycle } = containers;
  return {
    watch: (_input, { signal }) => containers.watch(signal),
    list: () => containers.list(),
    get: ({ id }) => containers.get(id),
    inspect: ({ id }, { signal }) => containers.inspect(id, { signal }),
    checkName: ({ name }) => containers.checkName(name),
    create: ({ config, start }) => containers.create(config, start),
    recreate: (request) => replacements.replace(request),
    start: async ({ id }) => {
      await lifecycle.start(id);
      return {};
    },
    stop: async ({ id, graceSeconds }) => {
      await lifecycle.stop(id, graceSeconds);
      return {};
    },
    restart: async ({ id, graceSeconds }) => {
      await lifecycle.restart(id, graceSeconds);
      return {};
    },
    kill: async ({ id, signal }) => {
      await lifecycle.kill(id, signal);
      return {};
    },
    pause: async ({ id }) => {
      await lifecycle.pause(id);
      return {};
    },
    resume: async ({ id }) => {
      await lifecycle.resume(id);
      return {};
    },
    rename: async ({ id, name }) => {
      await containers.rename(id, name);
      return {};
    },
    delete: async (input) => {
      await containers.delete(input.id, input.force ?? false, { volumes: input.volumes });
      if (input.checkpoints) await checkpoints.deleteOf(input.id);
      return {};
    },
    updateLimits: async ({ id, limits }) => {
      await containers.updateLimits(id, limits);
      return {};
    },
    updateRestart: async ({ id, restart }) => {
      await containers.updateRestart(id, restart);
      return {};
    },
    exec: async ({ id, ...command }, { signal }) => {
      const { stdout, stderr, ...result } = await containers.exec(id, command, { signal });
      return { ...result, stdout: new Uint8Array(stdout), stderr: new Uint8Array(stderr) };
    },
    diskUse: (_input, { signal }) => containers.diskUse({ signal }),
    watchHealth: ({ id }, { signal }) => health.watch(id, signal),
    readEnvFile: ({ path }) => readEnvFile(path),
    processes: ({ id }, { signal }) => processes.watch({ id }, { signal }),
  };
}
