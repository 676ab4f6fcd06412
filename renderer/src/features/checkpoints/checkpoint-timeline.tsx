import type { Checkpoint } from "#shared/contract/checkpoints";
import type { Container } from "#shared/contract/containers";
import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { Section } from "../../components/page.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import {
  useCheckpointsOf,
  useDeleteCheckpoint,
  useRestoreCheckpoint,
} from "../../queries/checkpoints.ts";
import { useSystem } from "../../queries/system.ts";
import { openOverlay } from "../../state/overlays.ts";
import "./checkpoints.css";

/** A container's checkpoints under what it is now. */
export function CheckpointTimeline(props: { container: Container; most?: number }) {
  const { container, most = Infinity } = props;
  const { id, name, state } = container;
  const checkpoints = useCheckpointsOf(id);
  const ability = useSystem()?.abilities.checkpoint;
  const unable =
    ability && !ability.ok && sentence(ability.reason ?? "This host can't checkpoint containers");
  const busy = state.activity !== undefined && `${name} is busy`;
  const running = state.status === "running" || state.status === "paused";
  return (
    <Section
      title="Checkpoints"
      actions={
        <Button
          variant="link"
          disabledReason={
            unable || busy || (state.status !== "running" && `${name} is not running`)
          }
          onClick={() => openOverlay({ kind: "checkpoint", id })}
        >
          Checkpoint now
        </Button>
      }
    >
      <ol className="timeline">
        <li className="timeline__point timeline__point--now">
          <b>now</b>
          <small>{state.status.replace("-", " ")}</small>
        </li>
        {checkpoints.slice(0, most).map((checkpoint) => (
          <Point
            key={checkpoint.id}
            checkpoint={checkpoint}
            restoreReason={unable || busy || (running && `Stop ${name} first`)}
          />
        ))}
      </ol>
      {checkpoints.length === 0 && (
        <p className="timeline__note dim">
          {unable || "A checkpoint keeps memory, processes and open files, to go on from later."}
        </p>
      )}
      {checkpoints.length > most && (
        <p className="timeline__note dim">and {checkpoints.length - most} older</p>
      )}
    </Section>
  );
}

function Point(props: { checkpoint: Checkpoint; restoreReason: string | false | undefined }) {
  const { checkpoint, restoreReason } = props;
  const restore = useRestoreCheckpoint();
  const remove = useDeleteCheckpoint();
  const [asking, setAsking] = useState(false);
  const failed = restore.error ?? remove.error;
  return (
    <li className="timeline__point">
      <b className="truncate selectable" title={checkpoint.name}>
        {checkpoint.name}
      </b>
      <small>
        <Moment time={checkpoint.createdAt} /> · <ByteCount value={checkpoint.size} />
      </small>
      <Button
        variant="link"
        busy={restore.isPending}
        disabledReason={restoreReason}
        onClick={() => restore.mutate(checkpoint.id)}
      >
        Restore
      </Button>
      <Button variant="link" busy={remove.isPending} onClick={() => setAsking(true)}>
        Delete
      </Button>
      {failed && (
        <ErrorNote
          className="timeline__error"
          title={restore.error ? "Not restored" : "Not deleted"}
          error={failed}
          onDismiss={() => {
            restore.reset();
            remove.reset();
          }}
        />
      )}
      <ConfirmDialog
        open={asking}
        onOpenChange={setAsking}
        title={`Delete the checkpoint ${checkpoint.name}?`}
        action="Delete checkpoint"
        onConfirm={() => remove.mutate(checkpoint.id)}
      >
        <p>
          The state of {checkpoint.containerName} from <Moment time={checkpoint.createdAt} /> can’t
          be restored any more.
        </p>
      </ConfirmDialog>
    </li>
  );
}
