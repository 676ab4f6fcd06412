import {
  ChevronRight,
  type LucideIcon,
  Pause,
  Play,
  Skull,
  Square,
  StepForward,
  Trash2,
} from "lucide-react";
import { useId, useState } from "react";
import type { RemoteContainer, RemoteOwner } from "#shared/contract/remotes";
import { IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Icon } from "../../components/icon.tsx";
import { Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { announce } from "../../components/notices.ts";
import { type RemoteAction, useRemoteAction } from "../../queries/remotes.ts";
import { RemoteDetails } from "./remote-details.tsx";
import { consequence, possibleActions, remoteLook } from "./remote-state.ts";

const words: Record<RemoteAction, { icon: LucideIcon; verb: string; done: string }> = {
  start: { icon: Play, verb: "Start", done: "started" },
  stop: { icon: Square, verb: "Stop", done: "stopped" },
  pause: { icon: Pause, verb: "Pause", done: "paused" },
  resume: { icon: StepForward, verb: "Resume", done: "resumed" },
  kill: { icon: Skull, verb: "Kill", done: "killed" },
  delete: { icon: Trash2, verb: "Delete", done: "deleted" },
};

export function RemoteRow(props: {
  container: RemoteContainer;
  owner: RemoteOwner;
  deletable: boolean;
}) {
  const { container, owner, deletable } = props;
  const { id, name, containerId, image, runtime, pid, createdAt } = container;
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState<RemoteAction>();
  const act = useRemoteAction();
  const details = useId();
  const { shape, tone, word } = remoteLook(container);
  const run = (action: RemoteAction): void =>
    act.mutate({ id, action }, { onSuccess: () => announce(`${name} ${words[action].done}`) });
  return (
    <div role="row" className="remotes__row">
      <div className="remotes__cells">
        <span role="cell">
          <button
            type="button"
            className="shims__toggle"
            aria-expanded={open}
            aria-controls={details}
            aria-label={`Details of ${name}`}
            onClick={() => setOpen(!open)}
          >
            <Icon of={ChevronRight} size={14} />
          </button>
        </span>
        <b role="cell" className="truncate selectable" title={containerId}>
          {name}
        </b>
        <span role="cell" className={`status status--${tone}`}>
          <Mark shape={act.isPending ? "spinner" : shape} tone={act.isPending ? "busy" : tone} />
          <span className="truncate">{word}</span>
        </span>
        <span role="cell" className="muted truncate" title={image}>
          {image || <Dash />}
        </span>
        <span role="cell" className="muted truncate" title={runtime}>
          {runtime.replace(/^io\.containerd\./, "")}
        </span>
        <span role="cell" className="remotes__number num mono selectable">
          {pid ?? <Dash />}
        </span>
        <span role="cell" className="remotes__number muted">
          <Since time={createdAt} />
        </span>
        <span role="cell" className="remotes__actions">
          {possibleActions(container, owner, deletable).map((action) => (
            <IconButton
              key={action}
              size="small"
              icon={words[action].icon}
              danger={action === "kill" || action === "delete"}
              label={`${words[action].verb} ${name}`}
              disabledReason={act.isPending && "It is being changed"}
              onClick={() => (consequence(owner, action) ? setAsking(action) : run(action))}
            />
          ))}
        </span>
      </div>
      {act.error && (
        <ErrorNote
          className="remotes__error"
          title={`Could not ${act.variables?.action ?? "change"} ${name}`}
          error={act.error}
          onDismiss={act.reset}
        />
      )}
      {open && (
        <div id={details}>
          <RemoteDetails container={container} owner={owner} />
        </div>
      )}
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={(on) => !on && setAsking(undefined)}
          title={`${words[asking].verb} ${name}?`}
          action={words[asking].verb}
          onConfirm={() => run(asking)}
        >
          <p>{consequence(owner, asking)}</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
