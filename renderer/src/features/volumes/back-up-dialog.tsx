import { useState } from "react";
import { Notice } from "../../components/error-note.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useVolume } from "../../queries/volumes.ts";
import { PathField } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";

/** Writes all that is in a volume into a tar on this machine. */
export function BackUpDialog(props: { id: string }) {
  const { id } = props;
  const client = useClient();
  const volume = useVolume(id);
  const { items } = useContainers();
  const [path, setPath] = useState("");
  const writing = (volume?.usedBy ?? []).filter(
    ({ containerId, readOnly }) => !readOnly && items.get(containerId)?.state.status === "running",
  );
  const run = useRequest({
    run: (to: string) => client.call("volumes.backUp", { id, path: to }),
    failure: "Nothing was backed up",
    onDone: (_, to) => notify({ tone: "good", title: `${id} is backed up in ${to}` }),
  });
  return (
    <RequestForm
      title={`Back up ${id}`}
      description="All that is in it as one tar, with owners, modes and links. It can be restored here or on another machine."
      action="Back up"
      failure={run.failure}
      fields={["path"]}
      run={run}
      ready={path.startsWith("/")}
      onSubmit={() => run.mutate(path.trim())}
    >
      {writing.length > 0 && (
        <Notice tone="warn">
          {writing.map(({ containerName }) => containerName).join(", ")}{" "}
          {writing.length === 1 ? "runs and may write" : "run and may write"} to it meanwhile: each
          file is as it is when it is read. Stop or pause {writing.length === 1 ? "it" : "them"}{" "}
          first for a state of one moment.
        </Notice>
      )}
      <PathField
        label="Tar to write"
        picks="directory"
        pickTitle="Where to write the tar"
        fromPicked={(directory) => `${directory.replace(/\/$/, "")}/${id}.tar`}
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder={`/srv/backups/${id}.tar`}
        value={path}
        onChange={(next) => {
          setPath(next);
          if (run.error) run.reset();
        }}
        error={fieldError(run, "path")}
        hint="On this machine; it must not be there yet"
      />
    </RequestForm>
  );
}
