import { useEffect, useState } from "react";
import { useClient } from "./client.tsx";

/** Milliseconds after the last key before the core is asked. */
const patience = 150;

/** Why a name can't be used, as one types it; undefined while it can, is empty, or isn't known yet. */
export function useNameCheck(name: string | undefined): string | undefined {
  const client = useClient();
  const [answer, setAnswer] = useState<{ name: string; reason: string | undefined }>();
  useEffect(() => {
    if (!name) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      client.call("containers.checkName", { name }, { signal: abort.signal }).then(
        ({ ok, reason }) => setAnswer({ name, reason: ok ? undefined : (reason ?? "Not usable") }),
        // Creating will say what is wrong.
        () => undefined,
      );
    }, patience);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [client, name]);
  return answer !== undefined && answer.name === name ? answer.reason : undefined;
}
