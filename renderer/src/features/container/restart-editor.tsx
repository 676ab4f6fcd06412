import { useMutation } from "@tanstack/react-query";
import { PencilLine } from "lucide-react";
import { useState } from "react";
import type { Container, RestartPolicy } from "#shared/contract/containers";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Select, TextField } from "../../components/fields.tsx";
import { plural } from "../../components/format.ts";
import { KeyValue } from "../../components/key-value.tsx";
import { useClient } from "../../queries/client.tsx";
import { openOverlay } from "../../state/overlays.ts";

const words: Record<RestartPolicy["name"], string> = {
  no: "never",
  "on-failure": "when it fails",
  always: "always",
  "unless-stopped": "unless it was stopped",
};

/** When it is started again by itself, and the change of that in place. */
export function RestartEditor(props: { container: Container }) {
  const { id, restart } = props.container;
  const client = useClient();
  const [editing, setEditing] = useState(false);
  const update = useMutation({
    mutationFn: (restart: RestartPolicy) =>
      client.call("containers.updateRestart", { id, restart }),
    onSuccess: () => setEditing(false),
  });
  return (
    <KeyValue name="Restarts">
      {editing ? (
        <RestartForm
          restart={restart}
          busy={update.isPending}
          onApply={(next) => update.mutate(next)}
          onCancel={() => {
            update.reset();
            setEditing(false);
          }}
        />
      ) : (
        <>
          {words[restart.name]}
          {restart.maximumRetries !== undefined &&
            `, at most ${plural(restart.maximumRetries, "time")}`}
          <IconButton
            size="small"
            className="overview__edit"
            icon={PencilLine}
            label="Change restarts"
            onClick={() => setEditing(true)}
          />
          {restart.name !== "no" && (
            <span className="overview__aside">
              Only while Shimyard is open; what ended meanwhile is started when it opens again.{" "}
              <Button variant="link" onClick={() => openOverlay({ kind: "unit", id })}>
                Export as a systemd unit or Quadlet…
              </Button>
            </span>
          )}
        </>
      )}
      {update.error && <ErrorNote title="It stays as it was" error={update.error} />}
    </KeyValue>
  );
}

function RestartForm(props: {
  restart: RestartPolicy;
  busy: boolean;
  onApply: (restart: RestartPolicy) => void;
  onCancel: () => void;
}) {
  const { restart, busy, onApply, onCancel } = props;
  const [name, setName] = useState(restart.name);
  const [retries, setRetries] = useState(String(restart.maximumRetries ?? ""));
  const number = retries.trim() === "" ? undefined : Number(retries);
  const valid = number === undefined || (Number.isInteger(number) && number >= 1);
  return (
    <form
      className="limits-form"
      data-escape
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) onApply({ name, maximumRetries: name === "on-failure" ? number : undefined });
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onCancel();
      }}
    >
      <Select
        label="Started again"
        hideLabel
        value={name}
        onChange={(value) => setName(value as RestartPolicy["name"])}
        options={Object.entries(words).map(([value, label]) => ({ value, label }))}
      />
      {name === "on-failure" && (
        <TextField
          label="At most"
          placeholder="without end"
          value={retries}
          onChange={setRetries}
          error={valid ? undefined : "Write a whole number from 1"}
        />
      )}
      <div className="limits-form__actions">
        <Button type="submit" variant="primary" busy={busy} disabled={!valid}>
          Apply
        </Button>
        <Button onClick={onCancel}>Cancel</Button>
      </div>
    </form>
  );
}
