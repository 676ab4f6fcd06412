import { useMemo } from "react";
import { useClient } from "../../queries/client.tsx";
import { announce, notify } from "../../components/notices.ts";
import { isCode } from "#shared/errors";

/** What can be done to a project, or to some of its services. */
export interface ProjectCommands {
  up: (id: string, options?: { services?: string[]; build?: boolean; recreate?: boolean }) => void;
  stop: (id: string, services?: string[]) => void;
  restart: (id: string, services?: string[]) => void;
  down: (id: string, volumes: boolean) => void;
  /** Forgets its compose file. */
  remove: (id: string) => void;
  cancel: (operationId: string) => void;
}

export function useProjectCommands(): ProjectCommands {
  const client = useClient();
  return useMemo(() => {
    const run = (work: Promise<unknown>, done: string, failed: string, shown: boolean): void => {
      work.then(
        () => announce(done),
        // What an operation ran into is on the project's page, and a cancel is no failure.
        (error: unknown) => {
          if (!shown && !isCode(error, "CANCELLED")) notify({ tone: "bad", title: failed, error });
          else announce(failed);
        },
      );
    };
    return {
      up: (id, options = {}) =>
        run(
          client.call("projects.up", { id, ...options }),
          `${id} is up`,
          `${id} is not all up`,
          true,
        ),
      stop: (id, services) =>
        run(
          client.call("projects.stop", { id, services }),
          `${id} stopped`,
          `${id} did not stop`,
          true,
        ),
      restart: (id, services) =>
        run(
          client.call("projects.restart", { id, services }),
          `${id} restarted`,
          `${id} was not restarted`,
          true,
        ),
      down: (id, volumes) =>
        run(
          client.call("projects.down", { id, volumes }),
          `${id} is down`,
          `${id} is not down`,
          true,
        ),
      remove: (id) =>
        run(
          client.call("projects.remove", { id }),
          `${id} removed`,
          `${id} was not removed`,
          false,
        ),
      cancel: (id) =>
        run(client.call("activity.cancel", { id }), "Cancelled", "It was not cancelled", false),
    };
  }, [client]);
}
