import { History, RotateCcw, Trash2 } from "lucide-react";
import { useMemo, useState } from "react";
import type { Checkpoint } from "#shared/contract/checkpoints";
import { IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote, Notice, sentence } from "../../components/error-note.tsx";
import { runtimeName } from "../../components/format.ts";
import { Page } from "../../components/page.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { announce } from "../../components/notices.ts";
import { Waiting } from "../../components/waiting.tsx";
import {
  useCheckpoints,
  useDeleteCheckpoint,
  useRestoreCheckpoint,
} from "../../queries/checkpoints.ts";
import { useContainer } from "../../queries/containers.ts";
import { useSystem } from "../../queries/system.ts";
import { inspect } from "../../state/selection.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import "./checkpoints-page.css";

/** All checkpoints of all containers, newest first. */
export function CheckpointsPage() {
  const checkpoints = useCheckpoints();
  const ability = useSystem()?.abilities.checkpoint;
  const [filter, setFilter] = useState("");
  const rows = useMemo(() => {
    const text = filter.trim().toLowerCase();
    return [...checkpoints.items.values()]
      .filter(({ name, containerName }) => `${name} ${containerName}`.toLowerCase().includes(text))
      .sort((a, b) => b.createdAt - a.createdAt);
  }, [checkpoints, filter]);
  const unable =
    ability && !ability.ok
      ? (ability.reason ?? "This host can't checkpoint containers")
      : undefined;
  return (
    <Page
      title="Checkpoints"
      tools={
        <FilterBox
          label="Filter checkpoints"
          title="A part of a name, or of the container's"
          value={filter}
          onChange={setFilter}
        />
      }
    >
      {unable && <Notice className="library__notice">{sentence(unable)}</Notice>}
      {checkpoints.status === "loading" ? (
        <Waiting what="checkpoints" />
      ) : rows.length === 0 ? (
        <EmptyState icon={History} title={filter ? "No checkpoint matches" : "No checkpoints yet"}>
          {!filter &&
            "A checkpoint keeps a running container's memory, processes and open files, so that it can go on from there later."}{" "}
          {!filter && !unable && "Take one from a container's menu."}
        </EmptyState>
      ) : (
        <div className="library" role="table" aria-label="Checkpoints">
          <div className="library__head library__cells" role="row">
            {["Name", "Container", "Taken", "Size", "Kept", "Runtime", ""].map((label) => (
              <span
                key={label}
                role="columnheader"
                className={label === "Size" ? "library__size" : ""}
              >
                {label || <span className="visually-hidden">Actions</span>}
              </span>
            ))}
          </div>
          {rows.map((checkpoint) => (
            <CheckpointRow key={checkpoint.id} checkpoint={checkpoint} unable={unable} />
          ))}
        </div>
      )}
    </Page>
  );
}

function CheckpointRow(props: { checkpoint: Checkpoint; unable: string | undefined }) {
  const { checkpoint, unable } = props;
  const { id, name, containerId, containerName, containerExists, createdAt, size, runtime } =
    checkpoint;
  const container = useContainer(containerExists ? containerId : undefined);
  const restore = useRestoreCheckpoint();
  const remove = useDeleteCheckpoint();
  const [asking, setAsking] = useState(false);
  const live = container?.state.status === "running" || container?.state.status === "paused";
  const cannot =
    unable ??
    (!containerExists
      ? `${containerName} was deleted`
      : live
        ? `Stop ${container.name} first`
        : undefined);
  const failed = restore.error ?? remove.error;
  return (
    <div role="row" className="library__row">
      <div className="library__cells">
        <b role="cell" className="truncate selectable" title={name}>
          {name}
        </b>
        <span role="cell" className="truncate">
          {container ? (
            <button type="button" className="events__name" onClick={() => inspect(containerId)}>
              {container.name}
            </button>
          ) : (
            <span className="dim">{containerName}, deleted</span>
          )}
        </span>
        <span role="cell" className="muted">
          <Moment time={createdAt} />
        </span>
        <span role="cell" className="library__size">
          <ByteCount value={size} />
        </span>
        <span role="cell" className="muted truncate" title={kept(checkpoint)}>
          {kept(checkpoint)}
        </span>
        <span role="cell" className="muted">
          {runtimeName(runtime)}
        </span>
        <span role="cell" className="library__actions">
          <IconButton
            size="small"
            icon={RotateCcw}
            label={`Restore ${name}`}
            disabledReason={restore.isPending ? "It is being restored" : cannot}
            onClick={() =>
              restore.mutate(id, {
                onSuccess: () => announce(`${containerName} restored from ${name}`),
              })
            }
          />
          <IconButton
            size="small"
            icon={Trash2}
            danger
            label={`Delete ${name}`}
            onClick={() => setAsking(true)}
          />
        </span>
      </div>
      {failed && (
        <ErrorNote
          className="library__error"
          title={restore.error ? "It was not restored" : "It was not deleted"}
          error={failed}
          onDismiss={() => {
            restore.reset();
            remove.reset();
          }}
        />
      )}
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={`Delete the checkpoint ${name}?`}
          action="Delete"
          onConfirm={() => remove.mutate(id, { onSuccess: () => announce(`${name} deleted`) })}
        >
          <p>
            <ByteCount value={size} /> of memory and state of <b>{containerName}</b>, from{" "}
            <Moment time={createdAt} />. It can't be restored any more.
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}

function kept({ options }: Checkpoint): string {
  return [
    options.leaveRunning ? "left running" : "stopped",
    options.tcpEstablished && "TCP connections",
    options.fileLocks && "file locks",
    options.externalUnixSockets && "unix sockets",
  ]
    .filter(Boolean)
    .join(", ");
}
