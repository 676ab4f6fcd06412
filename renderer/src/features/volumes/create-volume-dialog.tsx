import { useState } from "react";
import { TextField } from "../../components/fields.tsx";
import { announce } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { inspectVolume } from "../../state/selection.ts";
import { fieldError, RequestForm } from "../fields/request-form.tsx";
import { useRequest } from "../fields/use-request.ts";

/** `key=value` words as labels. */
function toLabels(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => {
        const at = word.indexOf("=");
        return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
      }),
  );
}

/** A name is enough, or none: then it is given one. */
export function CreateVolumeDialog() {
  const client = useClient();
  const [name, setName] = useState("");
  const [labels, setLabels] = useState("");
  const run = useRequest({
    run: () =>
      client.call("volumes.create", {
        ...(name.trim() ? { name: name.trim() } : {}),
        labels: toLabels(labels),
      }),
    failure: "Nothing was created",
    onDone: ({ id }, _, left) => {
      if (!left) inspectVolume(id);
      announce(`${id} created`);
    },
  });
  return (
    <RequestForm
      title="New volume"
      description="It begins empty. The first container that mounts it fills it with what its image has at that place."
      action="Create"
      failure={run.failure}
      fields={["name", "labels"]}
      run={run}
      ready
      onSubmit={() => run.mutate(undefined)}
    >
      <TextField
        label="Name"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        placeholder="one is found"
        value={name}
        onChange={(next) => {
          setName(next);
          if (run.error) run.reset();
        }}
        error={fieldError(run, "name")}
      />
      <TextField
        label="Labels"
        mono
        placeholder="app=shop tier=db"
        value={labels}
        onChange={setLabels}
        error={fieldError(run, "labels")}
        hint="Apart by spaces"
      />
    </RequestForm>
  );
}
