import { Notice, sentence } from "../../components/error-note.tsx";
import { useConnection } from "../../queries/client.tsx";
import type { Collection } from "../../queries/live.ts";

/** Over a list that is no longer followed. Where nothing can be reached at all the window says so by itself. */
export function StaleNotice(props: { of: Collection<{ id: string }>; className: string }) {
  const { status, error } = props.of;
  const connection = useConnection();
  if (status !== "stale" || connection !== "connected") return null;
  return (
    <Notice tone="warn" className={props.className}>
      What follows may be out of date: {sentence(error?.message ?? "the core does not answer")}{" "}
      Trying again.
    </Notice>
  );
}
