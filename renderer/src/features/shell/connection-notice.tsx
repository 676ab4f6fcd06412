import { useEffect, useState } from "react";
import { Notice, sentence } from "../../components/error-note.tsx";
import { moment } from "../../components/format.ts";
import { useConnection, useConnectionTrouble } from "../../queries/client.tsx";
import { useHost } from "../../queries/system.ts";

/** Milliseconds: a connection that is back sooner was hardly gone. */
const grace = 1000;

/** Over every page while the core can't be reached: from when what is shown is, and what brings it back. */
export function ConnectionNotice() {
  const connection = useConnection();
  const trouble = useConnectionTrouble();
  const host = useHost();
  const away = connection !== "connected";
  const [since, setSince] = useState<number>();
  useEffect(() => {
    if (!away) {
      setSince(undefined);
      return undefined;
    }
    const lost = Date.now();
    const timer = setTimeout(() => setSince(lost), grace);
    return () => clearTimeout(timer);
  }, [away]);
  if (!away || since === undefined) return null;
  return (
    <Notice tone="warn" className="work__away">
      {trouble ? sentence(trouble.message) : "Shimyard does not answer."} What is shown is from{" "}
      {moment(since, Date.now(), true)}.{" "}
      {connection === "reconnecting" && "It is tried again by itself. "}
      {host?.shell === "browser" &&
        "If Shimyard was ended, start it again and open the address that it prints."}
    </Notice>
  );
}
