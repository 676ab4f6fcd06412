import { useEffect, useState } from "react";
import { Notice, sentence } from "../../components/error-note.tsx";
import { dateTime } from "../../components/format.ts";
import { useConnection, useConnectionTrouble } from "../../queries/client.tsx";
import { useHost } from "../../queries/system.ts";

/** Milliseconds: a connection that is back sooner was hardly gone. */
const grace = 1000;

/** Over every page while the core can't be reached: from when what is shown is, and what brings it back. */
export function ConnectionNotice() {
  const connection = useConnection();
  return connection === "connected" ? null : <Away forGood={connection === "closed"} />;
}

function Away(props: { forGood: boolean }) {
  const trouble = useConnectionTrouble();
  const host = useHost();
  const [lost] = useState(() => Date.now());
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), grace);
    return () => clearTimeout(timer);
  }, []);
  if (!shown) return null;
  // It may have gone before it had said which it is.
  const inBrowser = host ? host.shell === "browser" : location.protocol === "http:";
  return (
    <Notice tone="warn" className="work__away">
      {sentence(trouble?.message ?? "Shimyard does not answer")} What is shown is from{" "}
      {dateTime(lost)}. {!props.forGood && "It is tried again by itself. "}
      {inBrowser && "If Shimyard was ended, start it again and open the address that it prints."}
    </Notice>
  );
}
