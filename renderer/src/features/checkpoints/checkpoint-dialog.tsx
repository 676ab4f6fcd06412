import { useState } from "react";
import type { CheckpointOptions } from "#shared/contract/checkpoints";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote, sentence } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { dateTime } from "../../components/format.ts";
import { announce } from "../../components/notices.ts";
import { useCheckpointsOf } from "../../queries/checkpoints.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";
import { useSystem } from "../../queries/system.ts";
import { useRequest } from "../fields/use-request.ts";
import { DumpOptionFields, noDumpOptions } from "./dump-options.tsx";
import "./checkpoints.css";

/** Takes a checkpoint of a running container. What criu refuses is shown here, in its own words. */
export function CheckpointDialog(props: { id: string; onClose: () => void }) {
  const { id, onClose } = props;
  const container = useContainer(id);
  const ability = useSystem()?.abilities.checkpoint;
  const client = useClient();
  const create = useRequest({
    run: (input: { name: string; options: CheckpointOptions }) =>
      client.call("checkpoints.create", { containerId: id, ...input }),
    failure: "No checkpoint was taken",
    onDone: (_, input) => announce(`Checkpoint ${input.name} was taken`),
    onClose,
  });
  const others = useCheckpointsOf(id);
  const [name, setName] = useState(() => `checkpoint ${dateTime(Date.now()).slice(0, 19)}`);
  const [options, setOptions] = useState<CheckpointOptions>({
    ...noDumpOptions,
    leaveRunning: true,
  });
  const reason =
    (ability &&
      !ability.ok &&
      sentence(ability.reason ?? "This host can't checkpoint containers")) ||
    (container?.state.status !== "running" &&
      `${container?.name ?? "The container"} is not running`);
  // Once it is being taken, it may be the one of that name.
  const taken =
    !create.isPending && !create.isSuccess && others.some((other) => other.name === name.trim());
  const problem =
    name.trim() === ""
      ? "A name is needed"
      : taken
        ? `${container?.name ?? "The container"} has a checkpoint of this name`
        : undefined;
  const take = (): void => {
    if (reason || problem || create.isPending) return;
    create.mutate({ name: name.trim(), options });
  };
  return (
    <Dialog
      open
      onOpenChange={(next) => !next && onClose()}
      title={`Checkpoint ${container?.name ?? ""}`}
      description="Keeps its memory, processes and open files, to go on from later."
      footer={
        <>
          <Button onClick={onClose}>{create.isPending ? "Go on in background" : "Cancel"}</Button>
          <Button
            variant="primary"
            busy={create.isPending}
            disabledReason={reason}
            disabled={problem !== undefined}
            onClick={take}
          >
            Checkpoint
          </Button>
        </>
      }
    >
      <form
        className="checkpoint-form"
        onSubmit={(event) => {
          event.preventDefault();
          take();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          maxLength={128}
          value={name}
          onChange={setName}
          error={problem}
        />
        <SegmentedControl
          label="Afterwards"
          value={options.leaveRunning ? "run" : "stop"}
          onChange={(value) => setOptions({ ...options, leaveRunning: value === "run" })}
          options={[
            { value: "run", label: "Leave it running" },
            { value: "stop", label: "Stop it" },
          ]}
        />
        <DumpOptionFields
          value={options}
          onChange={(changed) => setOptions({ ...options, ...changed })}
          atRestore="The other side must still be there at restore."
        />
        {create.error && <ErrorNote title={create.failure} error={create.error} />}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
