import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { plural } from "../../components/format.ts";
import { ByteCount } from "../../components/quantity.tsx";
import { useVolumeActions, useVolumes, useVolumeSizes } from "../../queries/volumes.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { SizedList } from "./sized-list.tsx";
import { volumeName } from "./view.ts";
import "../images/removal.css";

/** Asks once, and says what is lost and what stays because a container has it. */
export function DeleteVolumesDialog(props: { ids: readonly string[] }) {
  const { items } = useVolumes();
  const sizes = useVolumeSizes();
  const actions = useVolumeActions();
  const volumes = props.ids.flatMap((id) => items.get(id) ?? []);
  const going = volumes.filter(({ usedBy }) => usedBy.length === 0);
  const held = volumes.filter(({ usedBy }) => usedBy.length > 0);
  const [one] = volumes.length === 1 ? volumes : [];
  const counted = going.every(({ id }) => sizes.has(id));
  const bytes = going.reduce((sum, { id }) => sum + (sizes.get(id) ?? 0), 0);
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={one ? `Delete ${volumeName(one)}?` : `Delete ${plural(volumes.length, "volume")}?`}
      size="small"
      footer={
        <>
          {/* Enter confirms, where there is something to confirm. */}
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
          <Button autoFocus={going.length === 0} onClick={closeOverlay}>
            Cancel
          </Button>
          <Button
            variant="danger"
            // oxlint-disable-next-line jsx-a11y/no-autofocus
            autoFocus={going.length > 0}
            disabledReason={
              going.length === 0 && `Delete the containers that use ${one ? "it" : "them"} first`
            }
            onClick={() => {
              closeOverlay();
              void actions.delete(going.map(({ id }) => id));
            }}
          >
            {going.length > 1 ? `Delete ${plural(going.length, "volume")}` : "Delete"}
          </Button>
        </>
      }
    >
      <div className="removal">
        {going.length > 0 && (
          <>
            <p>
              Lost for good: all that is in {going.length === 1 ? "it" : "them"}
              {counted && (
                <>
                  ,{" "}
                  <b>
                    <ByteCount value={bytes} />
                  </b>
                </>
              )}
              . No container has {going.length === 1 ? "it" : "them"}.
            </p>
            {!one && (
              <SizedList
                label="What goes"
                volumes={going.map((volume) => ({ ...volume, size: sizes.get(volume.id) }))}
              />
            )}
          </>
        )}
        {held.length > 0 && (
          <>
            <p className="muted">
              <b>{plural(held.length, "volume")}</b> {held.length === 1 ? "stays" : "stay"}, in use:
            </p>
            <ul className="removal__list" aria-label="What stays">
              {held.map((volume) => (
                <li key={volume.id}>
                  <span className="truncate" title={volume.id}>
                    {volumeName(volume)}
                  </span>
                  <span className="muted truncate">
                    {volume.usedBy.map(({ containerName }) => containerName).join(", ")}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Dialog>
  );
}
