import { useEffect, useState } from "react";
import { useClient } from "./client.tsx";

/** Milliseconds after the last key before the core is asked. */
const patience = 150;

/**
 * Why a name can't be used, as one types it; undefined while it can, is empty, or isn't known yet. While `creating`
 * the name is taken by what is being made: it is asked for again afterwards, should that have failed.
 */
export function useNameCheck(name: string | undefined, creating = false): string | undefined {
  const client = useClient();
  const [answer, setAnswer] = useState<{ name: string; reason: string | undefined }>();
  useEffect(() => {
    if (!name || creating) return undefined;
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
  }, [client, name, creating]);
  return !creating && answer?.name === name ? answer?.reason : undefined;
}
