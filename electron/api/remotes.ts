import type { Core } from "#core/core";
import type { AppContract } from "#shared/contract/index";
import type { Handlers } from "#shared/rpc/define";

export function remoteHandlers({ remotes }: Core): Handlers<AppContract>["remotes"] {
  const done = async (work: Promise<void>): Promise<Record<string, never>> => {
    await work;
    return {};
  };
  return {
    watchPlaces: (_input, { signal }) => remotes.watchPlaces(signal),
    watch: (_input, { signal }) => remotes.watch(signal),
    add: ({ address }) => done(remotes.add(address)),
    forget: ({ id }) => done(remotes.forget(id)),
    allowDelete: ({ place, namespace, allow }) =>
      done(remotes.allowDelete(place, namespace, allow)),
    start: ({ id }) => done(remotes.start(id)),
    stop: ({ id }) => done(remotes.stop(id)),
    kill: ({ id, signal }) => done(remotes.kill(id, signal)),
    pause: ({ id }) => done(remotes.pause(id)),
    resume: ({ id }) => done(remotes.resume(id)),
    delete: ({ id }) => done(remotes.delete(id)),
    inspect: ({ id }) => remotes.inspect(id),
    checkpoint: ({ id, name, ...options }) => done(remotes.checkpoint(id, name, options)),
    checkpoints: ({ id }) => remotes.checkpoints(id),
    deleteCheckpoint: ({ id, name }) => done(remotes.deleteCheckpoint(id, name)),
    watchUse: ({ id }, { signal }) => remotes.watchUse(id, signal),
  };
}
