import { useState } from "react";
import { TextField } from "../../components/fields.tsx";
import { Notice } from "../../components/error-note.tsx";
import { plural } from "../../components/format.ts";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useVolumes } from "../../queries/volumes.ts";
import { PathField } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";

/** Fills a volume, or a new one, from a tar of this machine. */
export function RestoreDialog(props: { id?: string | undefined }) {
  const client = useClient();
  const { items } = useVolumes();
  const [name, setName] = useState(props.id ?? "");
  const [path, setPath] = useState("");
  const id = name.trim();
  const run = useRequest({
    run: (from: string) => client.call("volumes.restore", { id, path: from }),
    failure: "Nothing was restored, all is as it was",
    onDone: ({ files, skippedDevices }) => {
      const devices = skippedDevices > 0 ? `; ${plural(skippedDevices, "device")} left out` : "";
      notify({ tone: "good", title: `${id} is restored: ${plural(files, "file")}${devices}` });
    },
  });
  const change = (set: (text: string) => void) => (text: string) => {
    set(text);
    if (run.error) run.reset();
  };
  return (
    <RequestForm
      title={props.id ? `Restore ${props.id}` : "Restore a volume"}
      description="From a tar, plain or compressed by gzip or zstd, as a backup writes it."
      action="Restore"
      failure={run.failure}
      fields={["path", "id"]}
      run={run}
      ready={id !== "" && path.startsWith("/")}
      onSubmit={() => run.mutate(path.trim())}
    >
      {items.has(id) && (
        <Notice tone="warn">All that is in {id} now goes: what the tar has takes its place.</Notice>
      )}
      {!props.id && (
        <TextField
          label="Volume"
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          value={name}
          onChange={change(setName)}
          error={fieldError(run, "id")}
          hint="It is made if there is none of that name"
        />
      )}
      <PathField
        label="Tar to restore"
        picks="file"
        pickTitle="Choose a tar"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={props.id !== undefined}
        placeholder="/srv/backups/data.tar"
        value={path}
        onChange={change(setPath)}
        error={fieldError(run, "path")}
      />
    </RequestForm>
  );
}
