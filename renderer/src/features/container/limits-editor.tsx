import { useMutation } from "@tanstack/react-query";
import { PencilLine } from "lucide-react";
import { useState } from "react";
import type { Container, Limits } from "#shared/contract/containers";
import { Button, IconButton } from "../../components/button.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { KeyValue } from "../../components/key-value.tsx";
import { useClient } from "../../queries/client.tsx";
import { useSystem } from "../../queries/system.ts";
import { useLimitField } from "./limit-reasons.ts";
import { type LimitFields, limitFields, parseLimits } from "./limit-fields.ts";

/** The limits, and their change in place; it takes effect at once. */
export function LimitsEditor(props: { container: Container }) {
  const { container } = props;
  const ability = useSystem()?.abilities.limits;
  const [editing, setEditing] = useState(false);
  const { memory, cpus, pids } = container.limits;
  const words = [
    memory !== undefined && joined(bytes(memory)),
    cpus !== undefined && plural(cpus, "CPU"),
    pids !== undefined && plural(pids, "process", "processes"),
  ].filter(Boolean);
  return (
    <KeyValue name="Limits">
      {editing ? (
        <LimitsForm container={container} onDone={() => setEditing(false)} />
      ) : (
        <>
          {words.length === 0 ? <span className="muted">none</span> : words.join(" · ")}
          <IconButton
            size="small"
            className="overview__edit"
            icon={PencilLine}
            label="Change limits"
            disabledReason={
              ability &&
              !ability.ok &&
              sentence(ability.reason ?? "Limits can't be set on this host")
            }
            onClick={() => setEditing(true)}
          />
        </>
      )}
    </KeyValue>
  );
}

function LimitsForm(props: { container: Container; onDone: () => void }) {
  const { container, onDone } = props;
  const client = useClient();
  const [fields, setFields] = useState<LimitFields>(() => limitFields(container.limits));
  const { limits, errors } = parseLimits(fields);
  const update = useMutation({
    mutationFn: (limits: Limits) =>
      client.call("containers.updateLimits", { id: container.id, limits }),
    onSuccess: onDone,
  });
  const fieldOf = useLimitField();
  const kinds = { memory: "memory", cpus: "cpu", pids: "pids" } as const;
  const field = (key: keyof LimitFields, label: string, placeholder: string) => (
    <TextField
      {...fieldOf(kinds[key], fields[key])}
      label={label}
      placeholder={placeholder}
      value={fields[key]}
      onChange={(value) => setFields({ ...fields, [key]: value })}
      error={errors[key]}
      autoFocus={key === "memory"}
    />
  );
  return (
    <form
      className="limits-form"
      data-escape
      onSubmit={(event) => {
        event.preventDefault();
        if (limits) update.mutate(limits);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        onDone();
      }}
    >
      <div className="limits-form__fields">
        {field("memory", "Memory", "none, or 512 MiB")}
        {field("cpus", "CPUs", "none, or 1.5")}
        {field("pids", "Processes", "none, or 200")}
      </div>
      {update.error && <ErrorNote title="The limits stay as they were" error={update.error} />}
      <div className="limits-form__actions">
        <Button type="submit" variant="primary" busy={update.isPending} disabled={!limits}>
          Apply
        </Button>
        <Button onClick={onDone}>Cancel</Button>
      </div>
    </form>
  );
}
