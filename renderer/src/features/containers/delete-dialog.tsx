import { Fragment, useState } from "react";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { Checkbox } from "../../components/fields.tsx";
import { count, plural } from "../../components/format.ts";
import { useCheckpoints } from "../../queries/checkpoints.ts";
import { useContainerActions } from "../../queries/container-actions.ts";
import { useContainers } from "../../queries/containers.ts";
import { useVolumes } from "../../queries/volumes.ts";
import { closeOverlay } from "../../state/overlays.ts";

/** At most so many names are listed; the rest is counted. */
const listed = 6;

/** Asks once, and names what is lost. */
export function DeleteDialog(props: { ids: readonly string[] }) {
  const { items } = useContainers();
  const checkpoints = useCheckpoints();
  const volumes = useVolumes();
  const [withVolumes, setWithVolumes] = useState(false);
  const actions = useContainerActions();
  const containers = props.ids.flatMap((id) => items.get(id) ?? []);
  const running = containers.filter(
    ({ state }) => state.status === "running" || state.status === "paused",
  );
  const kept = [...checkpoints.items.values()].filter(({ containerId }) =>
    props.ids.includes(containerId),
  ).length;
  const left = [...volumes.items.values()].filter(
    ({ anonymous, usedBy }) =>
      anonymous &&
      usedBy.length > 0 &&
      usedBy.every(({ containerId }) => props.ids.includes(containerId)),
  ).length;
  const one = containers.length === 1 ? containers[0] : undefined;
  const its = one ? "its" : "their";
  return (
    <ConfirmDialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={one ? `Delete ${one.name}?` : `Delete ${plural(containers.length, "container")}?`}
      action={running.length > 0 ? "Kill and delete" : "Delete"}
      {...(kept > 0
        ? {
            option: {
              label: `Also delete ${its} ${plural(kept, "checkpoint")}`,
              hint: "They can be restored only into the container that they are of.",
            },
          }
        : {})}
      onConfirm={(withCheckpoints) =>
        void actions.delete(
          containers.map(({ id }) => id),
          // A lost shim's processes may still run.
          {
            force: containers.some(
              ({ state }) => state.status !== "created" && state.status !== "exited",
            ),
            checkpoints: withCheckpoints,
            volumes: withVolumes,
          },
        )
      }
    >
      {!one && (
        <p>
          {containers.slice(0, listed).map(({ id, name }, index) => (
            <Fragment key={id}>
              {index > 0 && ", "}
              <b className="dialog__name">{name}</b>
            </Fragment>
          ))}
          {containers.length > listed && ` and ${count(containers.length - listed)} more`}
        </p>
      )}
      {running.length > 0 && (
        <p>
          {one ? (
            "It is running, and will be killed."
          ) : (
            <>
              <b>{running.length}</b> of them {running.length === 1 ? "is" : "are"} running, and
              will be killed.
            </>
          )}
        </p>
      )}
      <p>
        Lost for good: everything written in {its} file {one ? "system" : "systems"} (the writable
        layer), {its} logs and {its} settings. {one ? "The image stays." : "The images stay."}
      </p>
      {left > 0 && (
        <Checkbox
          checked={withVolumes}
          onChange={setWithVolumes}
          label={`Also delete ${its} ${plural(left, "volume")} without a name`}
        />
      )}
    </ConfirmDialog>
  );
}
