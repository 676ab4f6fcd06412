import { X } from "lucide-react";
import type { Operation } from "#shared/contract/activity";
import { IconButton } from "../../components/button.tsx";
import { Share } from "../../components/quantity.tsx";
import { bytes, plural } from "../../components/format.ts";
import { Progress, Spinner } from "../../components/spinner.tsx";
import { useCancelOperation, useOperations } from "../../queries/activity.ts";
import { useConnection } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useHostLoad, useSystem } from "../../queries/system.ts";
import { goTo } from "../../state/layout.ts";

export function Footer() {
  const containers = useContainers();
  const system = useSystem();
  let running = 0;
  let paused = 0;
  for (const { state } of containers.items.values()) {
    if (state.status === "running") running += 1;
    else if (state.status === "paused") paused += 1;
  }
  return (
    <footer className="footer">
      {containers.status !== "loading" && (
        <span className="num">
          <b>{running}</b> running
          {paused > 0 && (
            <>
              {" "}
              · <b>{paused}</b> paused
            </>
          )}
        </span>
      )}
      <Load />
      <span className="spacer" />
      <RunningOperation />
      <span className="footer__promise truncate">
        {system?.kind === "service"
          ? "Everything keeps running, and is restarted, while no window is open"
          : "Everything keeps running when this window closes"}
      </span>
    </footer>
  );
}

function Load() {
  const load = useHostLoad();
  const connection = useConnection();
  // A load of a while ago is no load.
  if (!load || connection !== "connected") return null;
  const used = bytes(load.memoryUsed);
  const total = bytes(load.memoryTotal);
  return (
    <>
      <span className="num" title={`${load.cpu.toFixed(2)} of ${plural(load.cpus, "CPU")}`}>
        CPU <Share value={Math.min(1, load.cpu / load.cpus)} />
      </span>
      <span
        className="num footer__memory"
        title={`${load.memoryUsed.toLocaleString("en-US")} of ${load.memoryTotal.toLocaleString("en-US")} bytes`}
      >
        Memory{" "}
        <b>
          {used.value}
          {used.unit === total.unit ? "" : ` ${used.unit}`}
        </b>{" "}
        of {total.value} {total.unit}
      </span>
    </>
  );
}

/** The one that began last, and how many more there are. */
function RunningOperation() {
  const operations = useOperations();
  const running: Operation[] = [];
  for (const each of operations.items.values()) if (each.status === "running") running.push(each);
  const newest = running.at(-1);
  const cancel = useCancelOperation();
  if (!newest) return null;
  const { id, title, detail, progress, cancellable } = newest;
  return (
    <span className="footer__operation">
      <button type="button" className="truncate num" onClick={() => goTo("activity")}>
        {progress === undefined && <Spinner size={11} />}
        <span className="truncate">
          {title}
          {detail && ` · ${detail}`}
          {running.length > 1 && ` · ${running.length - 1} more`}
        </span>
      </button>
      {progress !== undefined && <Progress value={progress} label={title} />}
      {cancellable && (
        <IconButton
          size="small"
          icon={X}
          label={`Cancel: ${title}`}
          tipSide="top"
          onClick={() => cancel(id)}
        />
      )}
    </span>
  );
}
