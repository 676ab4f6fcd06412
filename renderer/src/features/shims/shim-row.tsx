import { ChevronRight, RefreshCw, Skull, Trash2 } from "lucide-react";
import { Fragment, memo, useId, useState } from "react";
import type { Shim } from "#shared/contract/shims";
import { IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { runtimeName, shortId } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { announce } from "../../components/notices.ts";
import {
  type MemoryByPid,
  useDiscardShim,
  useReconnectShim,
  useTerminateShim,
} from "../../queries/shims.ts";
import { goTo } from "../../state/layout.ts";
import { inspect } from "../../state/selection.ts";
import { ShimDetails } from "./shim-details.tsx";
import { consequence, memoryOf, shimLooks } from "./shim-state.ts";

/** A container that a shim holds, or what runs an extension. */
export interface Held {
  id: string;
  /** Absent when no list has it. */
  name: string | undefined;
  isExtension: boolean;
}

interface ShimRowProps {
  shim: Shim;
  held: readonly Held[];
  memory: MemoryByPid;
}

/** Memory comes for all of a thousand every second or two: a row is drawn again when its own has changed. */
export const ShimRow = memo(Row, (before, after) => {
  const { shim, held, memory } = after;
  return (
    shim === before.shim &&
    held.every(({ id, name }, at) => id === before.held[at]?.id && name === before.held[at].name) &&
    shim.processes.every(
      ({ pid }) =>
        memory[pid]?.pss === before.memory[pid]?.pss &&
        memory[pid]?.rss === before.memory[pid]?.rss,
    )
  );
});

function Row(props: ShimRowProps) {
  const { shim, held, memory } = props;
  const { id, status } = shim;
  const names = held.map((one) => one.name ?? shortId(one.id));
  const name = names.join(", ");
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState(false);
  const reconnect = useReconnectShim();
  const terminate = useTerminateShim();
  const discard = useDiscardShim();
  const details = useId();
  const broken = status === "broken";
  const end = broken ? discard : terminate;
  const failed = reconnect.error ?? terminate.error ?? discard.error ?? shim.error;
  const { shape, tone, word } = shimLooks[status];
  const bytes = memoryOf(shim.processes, memory);
  const pid = shim.processes.find(({ role }) => role === "shim")?.pid;
  return (
    <div role="row" className="shims__row">
      <div className="shims__cells">
        <span role="cell">
          <button
            type="button"
            className="shims__toggle"
            aria-expanded={open}
            aria-controls={details}
            aria-label={`Details of the shim of ${name}`}
            onClick={() => setOpen(!open)}
          >
            <Icon of={ChevronRight} size={14} />
          </button>
        </span>
        <span role="cell" className="shims__names truncate">
          {held.map((one) =>
            one.name === undefined ? (
              <span key={one.id} className="mono selectable" title={one.id}>
                {shortId(one.id)}
              </span>
            ) : one.isExtension ? (
              <Fragment key={one.id}>
                <button
                  type="button"
                  className="events__name shims__name"
                  onClick={() => goTo("extensions")}
                >
                  {one.name}
                </button>
                <span className="dim">extension</span>
              </Fragment>
            ) : (
              <button
                key={one.id}
                type="button"
                className="events__name shims__name"
                onClick={() => inspect(one.id)}
              >
                {one.name}
              </button>
            ),
          )}
        </span>
        <span role="cell" className={`status status--${tone}`}>
          <Mark shape={shape} tone={tone} />
          <span className="truncate">{word}</span>
        </span>
        <span role="cell" className="truncate" title={`${shim.kind} ${shim.version ?? ""}`}>
          {shim.kind ? (
            <>
              {shim.kind} <span className="muted num">{shim.version}</span>
            </>
          ) : (
            <Dash />
          )}
        </span>
        <span role="cell" className="muted truncate">
          {shim.runtimeId ? runtimeName(shim.runtimeId) : <Dash />}
        </span>
        <span role="cell" className="shims__number num mono selectable">
          {pid ?? <Dash />}
        </span>
        <span role="cell" className="shims__number">
          {bytes === undefined ? <Dash /> : <ByteCount value={bytes} />}
        </span>
        <span role="cell" className="shims__number muted">
          {shim.startedAt === undefined ? <Dash /> : <Since time={shim.startedAt} />}
        </span>
        <span role="cell" className="shims__actions">
          <IconButton
            size="small"
            icon={RefreshCw}
            label={
              status === "alive"
                ? `Look at the shim of ${name} again`
                : `Reconnect the shim of ${name}`
            }
            disabledReason={reconnect.isPending && "It is being asked"}
            onClick={() =>
              reconnect.mutate(id, { onSuccess: () => announce(`Looked at ${name} again`) })
            }
          />
          <IconButton
            size="small"
            icon={broken ? Trash2 : Skull}
            danger
            label={broken ? `Remove what is left of ${name}` : `Terminate the shim of ${name}`}
            disabledReason={status === "lost" && "It is gone already"}
            onClick={() => setAsking(true)}
          />
        </span>
      </div>
      {failed && (
        <ErrorNote
          className="shims__error"
          error={failed}
          {...(end.error || reconnect.error
            ? {
                onDismiss: () => {
                  end.reset();
                  reconnect.reset();
                },
              }
            : {})}
        />
      )}
      {open && (
        <div id={details}>
          <ShimDetails shim={shim} memory={memory} />
        </div>
      )}
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={broken ? `Remove what is left of ${name}?` : `Terminate the shim of ${name}?`}
          action={broken ? "Remove" : "Terminate"}
          onConfirm={() =>
            end.mutate(id, {
              onSuccess: () => announce(broken ? `${name} removed` : `Shim of ${name} terminated`),
            })
          }
        >
          <p>
            {broken
              ? "Whatever of it still runs is ended, and its bundle is removed."
              : consequence(shim, names)}
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
