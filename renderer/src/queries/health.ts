import { useEffect, useState } from "react";
import type { Health } from "#shared/contract/health";
import { AppError } from "#shared/errors";
import { useClient } from "./client.tsx";

/** A container's health with its history, as it is pushed while it is looked at. */
export function useHealth(id: string): { health?: Health; error?: AppError } {
  const client = useClient();
  const [state, setState] = useState<{ id: string; health?: Health; error?: AppError }>({ id });
  useEffect(() => {
    const abort = new AbortController();
    const run = async (): Promise<void> => {
      try {
        const states = client.stream("containers.watchHealth", { id }, { signal: abort.signal });
        for await (const health of states) setState({ id, health });
      } catch (error) {
        if (!abort.signal.aborted) setState({ id, error: AppError.from(error) });
      }
    };
    void run();
    return () => abort.abort();
  }, [client, id]);
  return state.id === id ? state : {};
}
