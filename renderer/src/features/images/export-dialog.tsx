import { useState } from "react";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";
import { PathField } from "../fields/path-field.tsx";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";

/** Writes a container's whole root file system into a tar on this machine. */
export function ExportDialog(props: { containerId: string }) {
  const { containerId } = props;
  const client = useClient();
  const container = useContainer(containerId);
  const name = container?.name ?? "container";
  const [path, setPath] = useState("");
  const run = useRequest({
    run: (to: string) => client.call("images.exportContainer", { containerId, path: to }),
    failure: "Nothing was exported",
    onDone: (_, to) => notify({ tone: "good", title: `The files of ${name} are in ${to}` }),
  });
  return (
    <RequestForm
      title={`Export the files of ${name}`}
      description="Its whole root file system as one tar, the image’s files and its own. It can be imported again, anywhere."
      action="Export"
      failure={run.failure}
      fields={["path"]}
      run={run}
      ready={path.startsWith("/")}
      onSubmit={() => run.mutate(path.trim())}
    >
      <PathField
        label="Tar to write"
        picks="directory"
        pickTitle="Where to write the tar"
        fromPicked={(directory) => `${directory.replace(/\/$/, "")}/${name}.tar`}
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder={`/srv/exports/${name}.tar`}
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
