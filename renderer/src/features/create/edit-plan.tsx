import type { Container, ContainerConfig } from "#shared/contract/containers";
import { Button } from "../../components/button.tsx";
import { Notice } from "../../components/error-note.tsx";
import { Checkbox, Select, TextField } from "../../components/fields.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import { useCancelOperation, useOperations } from "../../queries/activity.ts";
import { useChanges } from "../../queries/files.ts";
import type { EditChanges } from "./edit-changes.ts";

/** The container that is edited, as it was made. */
export interface EditTarget {
  container: Container;
  config: ContainerConfig;
}

/** What becomes of the old one and its files. */
export interface EditWishes {
  keepOld: boolean;
  /** Name of the image that its files are taken along in; undefined: they are not. */
  keepFiles: string | undefined;
}

/** What is changed, and what happens to the container for it. */
export function EditPlan(props: {
  target: EditTarget;
  changes: EditChanges;
  sameImage: boolean;
  wishes: EditWishes;
  onWishes: (wishes: EditWishes) => void;
  busy: boolean;
}) {
  const { target, changes, sameImage, wishes, onWishes, busy } = props;
  if (busy) return <Progress id={target.container.id} />;
  if (changes.kind === "none") return null;
  return (
    <section className="edit-plan" aria-label="What changes">
      <ul className="edit-plan__changes mono" aria-label="Changes">
        {changes.removed.map((word) => (
          <li key={`- ${word}`}>
            <del>{word}</del>
          </li>
        ))}
        {changes.added.map((word) => (
          <li key={`+ ${word}`}>
            <ins>{word}</ins>
          </li>
        ))}
      </ul>
      {changes.kind === "live" ? (
        <p className="muted">This holds at once: it goes on running as it is.</p>
      ) : (
        <Anew {...{ target, sameImage, wishes, onWishes }} />
      )}
    </section>
  );
}

function Anew(props: {
  target: EditTarget;
  sameImage: boolean;
  wishes: EditWishes;
  onWishes: (wishes: EditWishes) => void;
}) {
  const { target, sameImage, wishes, onWishes } = props;
  const { id, name, state } = target.container;
  const { data } = useChanges({ kind: "container", id });
  const written = data?.changes.filter(({ change }) => change !== "deleted") ?? [];
  const size = written.reduce((sum, file) => sum + file.size, 0);
  const nothing = data !== undefined && data.changes.length === 0;
  const runs = state.status === "running" || state.status === "paused";
  return (
    <>
      <p>
        This re-creates it: {runs ? "it is stopped, and " : ""}a new one takes its name, addresses,
        ports and mounts.{" "}
        {runs
          ? "When the new one has run for three seconds the old one goes; if it does not, the old one is put back and started."
          : "If that fails the old one is put back."}
      </p>
      {nothing ? (
        <p className="muted">It has written nothing outside its mounts that would be lost.</p>
      ) : (
        <Notice tone={wishes.keepFiles === undefined && !wishes.keepOld ? "warn" : "info"}>
          {data
            ? `It has changed ${data.limited ? "more than " : ""}${plural(data.changes.length, "path")} outside its mounts, with ${joined(bytes(size))} in ${plural(written.length, "file")}.`
            : "What it has written outside its mounts is being counted."}{" "}
          {wishes.keepFiles !== undefined
            ? "The new one begins with them."
            : wishes.keepOld
              ? "They stay in the old one."
              : "They are lost with the old one, and so is its log."}
        </Notice>
      )}
      <div className="create__two">
        <Select
          label="What it has written"
          value={wishes.keepFiles === undefined ? "lose" : "keep"}
          onChange={(choice) =>
            onWishes({ ...wishes, keepFiles: choice === "keep" ? imageNameFor(name) : undefined })
          }
          options={[
            { value: "lose", label: "Is not taken along" },
            { value: "keep", label: "Becomes an image first", disabled: !sameImage },
          ]}
          hint={sameImage ? undefined : "It belongs to the image that it has now"}
        />
        {wishes.keepFiles !== undefined && (
          <TextField
            label="Image"
            mono
            value={wishes.keepFiles}
            onChange={(keepFiles) => onWishes({ ...wishes, keepFiles })}
            hint="Made of its files, for the new one"
          />
        )}
      </div>
      <Checkbox
        checked={wishes.keepOld}
        onChange={(keepOld) => onWishes({ ...wishes, keepOld })}
        label="Keep the old one"
        hint={`Stopped, as ${name}-old or the next name that is free.`}
      />
    </>
  );
}

/** Names of images are in small letters. */
const imageNameFor = (name: string): string => `${name.toLowerCase()}:edited`;

function Progress(props: { id: string }) {
  const cancel = useCancelOperation();
  const operations = useOperations();
  const operation = [...operations.items.values()].find(
    ({ kind, containerId, status }) =>
      kind === "recreate" && containerId === props.id && status === "running",
  );
  return (
    <p className="edit-plan__progress" role="status">
      <Spinner size={13} /> {operation?.detail ?? "Changing it"}
      {operation?.cancellable && (
        <Button variant="link" onClick={() => cancel(operation.id)}>
          Put the old one back
        </Button>
      )}
    </p>
  );
}
