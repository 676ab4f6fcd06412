import { CircleAlert, CircleCheck, CircleSlash, Hourglass } from "lucide-react";
import { useMutation } from "@tanstack/react-query";
import type { Operation } from "#shared/contract/activity";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { exactDuration } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { Moment, Since } from "../../components/since.tsx";
import { Progress, Spinner } from "../../components/spinner.tsx";
import { useClient } from "../../queries/client.tsx";
import type { Collection } from "../../queries/live.ts";
import { inspect, inspectImage } from "../../state/selection.ts";

/** Running ones first, then what ended, newest first. */
export function OperationList(props: { operations: Collection<Operation> }) {
  const list = [...props.operations.items.values()].sort(
    (a, b) =>
      Number(b.status === "running") - Number(a.status === "running") || b.startedAt - a.startedAt,
  );
  if (list.length === 0) {
    return (
      <EmptyState icon={Hourglass} title="Nothing is going on">
        What takes a while, as stopping, importing or checkpointing, is shown here while it runs and
        for ten minutes after.
      </EmptyState>
    );
  }
  return (
    <ol className="operations">
      {list.map((operation) => (
        <OperationItem key={operation.id} operation={operation} />
      ))}
    </ol>
  );
}

const outcomes = {
  done: { icon: CircleCheck, word: "Done" },
  failed: { icon: CircleAlert, word: "Failed" },
  cancelled: { icon: CircleSlash, word: "Cancelled" },
};

function OperationItem(props: { operation: Operation }) {
  const {
    id,
    title,
    status,
    detail,
    progress,
    startedAt,
    endedAt,
    cancellable,
    containerId,
    imageId,
    error,
  } = props.operation;
  /** To what it is about. */
  const open =
    containerId !== undefined
      ? () => inspect(containerId)
      : imageId !== undefined && status !== "running"
        ? () => inspectImage(imageId)
        : undefined;
  const client = useClient();
  const cancel = useMutation({ mutationFn: () => client.call("activity.cancel", { id }) });
  return (
    <li className={`operation operation--${status}`}>
      <div className="operation__line">
        {status === "running" ? <Spinner size={15} /> : <Icon of={outcomes[status].icon} />}
        <span className="operation__title truncate">
          {open ? (
            <button type="button" onClick={open}>
              {title}
            </button>
          ) : (
            title
          )}
        </span>
        {/* What it was at last: of one that is done it says nothing. */}
        {status !== "done" && <span className="muted num truncate">{detail}</span>}
        {status === "running" && <Progress value={progress} label={title} />}
        <span className="spacer" />
        <span className="muted num operation__when">
          {status === "running" ? (
            <>
              for <Since time={startedAt} />
            </>
          ) : (
            <>
              {outcomes[status].word} <Moment time={endedAt ?? startedAt} />
              {endedAt !== undefined && `, after ${exactDuration(endedAt - startedAt)}`}
            </>
          )}
        </span>
        {status === "running" && cancellable && (
          <Button busy={cancel.isPending} onClick={() => cancel.mutate()}>
            Cancel
          </Button>
        )}
      </div>
      {error && <ErrorNote error={error} />}
      {cancel.error && (
        <ErrorNote title="It was not cancelled" error={cancel.error} onDismiss={cancel.reset} />
      )}
    </li>
  );
}
