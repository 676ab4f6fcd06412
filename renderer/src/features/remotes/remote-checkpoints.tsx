import { useState } from "react";
import type { RemoteContainer, RemoteOwner } from "#shared/contract/remotes";
import { Button } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { dateTime } from "../../components/format.ts";
import { Since } from "../../components/since.tsx";
import { announce } from "../../components/notices.ts";
import {
  useDeleteRemoteCheckpoint,
  useRemoteCheckpoints,
  useTakeRemoteCheckpoint,
} from "../../queries/remotes.ts";
import { DumpOptionFields, noDumpOptions } from "../checkpoints/dump-options.tsx";
import { RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";
import { checkpointWarning } from "./remote-state.ts";

/** Checkpoints of a container elsewhere: taken and kept, but not restored. */
export function RemoteCheckpoints(props: { container: RemoteContainer; owner: RemoteOwner }) {
  const { container, owner } = props;
  const { id, name, status } = container;
  const { data, error } = useRemoteCheckpoints(id);
  const remove = useDeleteRemoteCheckpoint(id);
  const [taking, setTaking] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  return (
    <>
      <p className="dim">
        A checkpoint keeps its processes and memory as files, while it runs on. It can&rsquo;t be
        restored from here: only its owner makes its container anew.
      </p>
      <div className="remotes__buttons">
        <Button
          disabledReason={
            owner === "shimyard"
              ? "Checkpoint it where it is listed, under Containers"
              : status !== "running" && status !== "paused" && `${name} is not running`
          }
          onClick={() => setTaking(true)}
        >
          Checkpoint…
        </Button>
      </div>
      {error && <ErrorNote error={error} />}
      {remove.error && (
        <ErrorNote title="It was not deleted" error={remove.error} onDismiss={remove.reset} />
      )}
      {data && data.length > 0 && (
        <ul className="remotes__checkpoints">
          {data.map((checkpoint) => (
            <li key={checkpoint.name}>
              <b>{checkpoint.name}</b>
              <span className="muted">
                <Since time={checkpoint.createdAt} />
              </span>
              <span className="mono dim selectable truncate">{checkpoint.path}</span>
              <Button variant="link" onClick={() => setDeleting(checkpoint.name)}>
                Delete
              </Button>
            </li>
          ))}
        </ul>
      )}
      {taking && (
        <TakeDialog container={container} owner={owner} onClose={() => setTaking(false)} />
      )}
      {deleting !== undefined && (
        <ConfirmDialog
          open
          onOpenChange={(on) => !on && setDeleting(undefined)}
          title={`Delete the checkpoint ${deleting}?`}
          action="Delete"
          onConfirm={() => remove.mutate(deleting)}
        >
          <p>Its files are removed from disk. The container is untouched.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function TakeDialog(props: {
  container: RemoteContainer;
  owner: RemoteOwner;
  onClose: () => void;
}) {
  const { container, owner, onClose } = props;
  const take = useRequest({
    run: useTakeRemoteCheckpoint(container.id),
    failure: "No checkpoint was taken",
    onDone: (_, { name }) => announce(`Checkpoint ${name} was taken`),
    onClose,
  });
  const [name, setName] = useState(() =>
    dateTime(Date.now()).slice(0, 19).replaceAll(":", "-").replaceAll(" ", "_"),
  );
  const [options, setOptions] = useState(noDumpOptions);
  const valid = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name);
  return (
    <RequestForm
      title={`Checkpoint ${container.name}`}
      description="Keeps its memory, processes and open files on disk. It runs on."
      action="Checkpoint"
      failure={take.failure}
      fields={[]}
      run={take}
      ready={valid}
      size="medium"
      onClose={onClose}
      onSubmit={() => take.mutate({ name, ...options })}
    >
      {checkpointWarning(owner) && <p>{checkpointWarning(owner)}</p>}
      <TextField
        label="Name"
        value={name}
        onChange={setName}
        error={valid ? undefined : "Letters, digits, dots, dashes and underscores, at most 64"}
      />
      <DumpOptionFields value={options} onChange={setOptions} />
    </RequestForm>
  );
}
