import { useEffect, useState } from "react";
import type { Health } from "#shared/contract/health";
import type { AppError } from "#shared/errors";
import { useClient } from "./client.tsx";
import { isLasting, keepReading } from "./keep-reading.ts";

/** A container's health with its history, as it is pushed while it is looked at. */
export function useHealth(id: string): { health?: Health; error?: AppError } {
  const client = useClient();
  const [state, setState] = useState<{ id: string; health?: Health; error?: AppError }>({ id });
  useEffect(() => {
    const abort = new AbortController();
    void keepReading((signal) => client.stream("containers.watchHealth", { id }, { signal }), {
      signal: abort.signal,
      take: (health) => setState({ id, health }),
      broken: (error) => {
        // What was known stays while the core is away: the window says so.
        setState((before) =>
          before.id === id && before.health && !isLasting(error) ? before : { id, error },
        );
        return !isLasting(error);
      },
    });
    return () => abort.abort();
  }, [client, id]);
  return state.id === id ? state : {};
}
