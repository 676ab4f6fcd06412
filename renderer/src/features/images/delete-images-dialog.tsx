import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { plural } from "../../components/format.ts";
import { useImageActions } from "../../queries/image-actions.ts";
import { useImages, useRemoval } from "../../queries/images.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { imageName } from "./reference.ts";
import { RemovalSummary } from "./removal-summary.tsx";

/** Asks once, and says what it frees and what is held by whom. */
export function DeleteImagesDialog(props: { ids: readonly string[] }) {
  const { items } = useImages();
  const { ids } = props;
  const actions = useImageActions();
  const { data: removal, error } = useRemoval({ ids });
  const images = ids.flatMap((id) => items.get(id) ?? []);
  const [first] = images;
  const one = images.length === 1 ? first : undefined;
  const going = removal?.images.map(({ id }) => id) ?? [];
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={one ? `Delete ${imageName(one)}?` : `Delete ${plural(images.length, "image")}?`}
      size="small"
      footer={
        <>
          <Button onClick={closeOverlay}>Cancel</Button>
          <Button
            variant="danger"
            // Enter confirms.
            // oxlint-disable-next-line jsx-a11y/no-autofocus
            autoFocus
            disabled={!removal}
            disabledReason={
              removal &&
              going.length === 0 &&
              "Delete the containers that use " + (one ? "it" : "them") + " first"
            }
            onClick={() => {
              closeOverlay();
              void actions.delete(going);
            }}
          >
            {going.length > 1 ? `Delete ${plural(going.length, "image")}` : "Delete"}
          </Button>
        </>
      }
    >
      <RemovalSummary removal={removal} error={error} nothing="These images have gone." />
      {one && one.names.length > 1 && going.length > 0 && (
        <p className="muted">
          All its names go: <span className="mono">{one.names.join(", ")}</span>. To take one away
          and keep the image, use its menu.
        </p>
      )}
    </Dialog>
  );
}
