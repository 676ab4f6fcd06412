import { useMemo } from "react";
import type { Container } from "#shared/contract/containers";
import type { AppContract } from "#shared/contract/index";
import { AppError } from "#shared/errors";
import type { Client } from "#shared/rpc/define";
import { plural } from "../components/format.ts";
import { announce } from "../components/notices.ts";
import { clearRowError, setRowError } from "../state/row-errors.ts";
import { allBounded } from "./all-bounded.ts";
import { useClient, useReadCollection } from "./client.tsx";
import { containerSource } from "./containers.ts";

/** How an outcome is told: `web stopped`, `Could not stop`. */
interface Verb {
  past: string;
  infinitive: string;
}

const verbs = {
  start: { past: "started", infinitive: "start" },
  stop: { past: "stopped", infinitive: "stop" },
  restart: { past: "restarted", infinitive: "restart" },
  pause: { past: "paused", infinitive: "pause" },
  resume: { past: "resumed", infinitive: "resume" },
  kill: { past: "signalled", infinitive: "signal" },
  rename: { past: "renamed", infinitive: "rename" },
  delete: { past: "deleted", infinitive: "delete" },
} satisfies Record<string, Verb>;

/**
 * What can be done to containers, one or many. A failure is put on its row and stops no other; the
 * outcome is said aloud. Every promise resolves, to the number that worked.
 */
export class ContainerActions {
  readonly #client: Client<AppContract>;
  readonly #read: () => ReadonlyMap<string, Container>;

  constructor(client: Client<AppContract>, read: () => ReadonlyMap<string, Container>) {
    this.#client = client;
    this.#read = read;
  }

  start(ids: readonly string[]): Promise<number> {
    return this.#each(ids, verbs.start, (id) => this.#client.call("containers.start", { id }));
  }

  stop(ids: readonly string[]): Promise<number> {
    return this.#each(ids, verbs.stop, (id) => this.#client.call("containers.stop", { id }));
  }

  restart(ids: readonly string[]): Promise<number> {
    return this.#each(ids, verbs.restart, (id) => this.#client.call("containers.restart", { id }));
  }

  pause(ids: readonly string[]): Promise<number> {
    return this.#each(ids, verbs.pause, (id) => this.#client.call("containers.pause", { id }));
  }

  resume(ids: readonly string[]): Promise<number> {
    return this.#each(ids, verbs.resume, (id) => this.#client.call("containers.resume", { id }));
  }

  kill(ids: readonly string[], signal: string): Promise<number> {
    return this.#each(ids, verbs.kill, (id) =>
      this.#client.call("containers.kill", { id, signal }),
    );
  }

  rename(id: string, name: string): Promise<number> {
    return this.#each([id], verbs.rename, () =>
      this.#client.call("containers.rename", { id, name }),
    );
  }

  delete(
    ids: readonly string[],
    options: { force: boolean; checkpoints: boolean; volumes: boolean },
  ): Promise<number> {
    return this.#each(ids, verbs.delete, (id) =>
      this.#client.call("containers.delete", { id, ...options }),
    );
  }

  #name(id: string): string {
    return this.#read().get(id)?.name ?? "The container";
  }

  async #each(
    ids: readonly string[],
    verb: Verb,
    act: (id: string) => Promise<unknown>,
  ): Promise<number> {
    // A deleted container's name is gone afterwards.
    const only = ids.length === 1 ? this.#name(ids[0] as string) : undefined;
    const outcomes = await allBounded(ids, async (id) => {
      clearRowError(id);
      try {
        await act(id);
        return true;
      } catch (error) {
        const info = AppError.from(error).toInfo();
        if (info.code !== "CANCELLED") {
          setRowError(id, { title: `Could not ${verb.infinitive}`, error: info });
        }
        return false;
      }
    });
    const worked = outcomes.filter(Boolean).length;
    const failed = ids.length - worked;
    if (only !== undefined)
      announce(worked ? `${only} ${verb.past}` : `Could not ${verb.infinitive} ${only}`);
    else {
      announce(`${plural(worked, "container")} ${verb.past}${failed ? `, ${failed} failed` : ""}`);
    }
    return worked;
  }
}

export function useContainerActions(): ContainerActions {
  const client = useClient();
  const read = useReadCollection(containerSource);
  return useMemo(() => new ContainerActions(client, () => read().items), [client, read]);
}
