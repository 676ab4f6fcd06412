import { closeOverlay, useOverlay } from "../../state/overlays.ts";
import { CheckpointDialog } from "../checkpoints/checkpoint-dialog.tsx";
import { DeleteDialog } from "../containers/delete-dialog.tsx";
import { LimitsDialog } from "../containers/limits-dialog.tsx";
import { CreateDialog } from "../create/create-dialog.tsx";
import { ActionDialog } from "../extensions/action-dialog.tsx";
import { FilesDialog } from "../files/files-dialog.tsx";
import { ImportDialog } from "../images/import-dialog.tsx";
import { Palette } from "../palette/palette.tsx";
import { ShortcutsDialog } from "./shortcuts-dialog.tsx";

/** The one that is open, if any. */
export function Overlays() {
  const overlay = useOverlay((state) => state.overlay);
  switch (overlay?.kind) {
    case "palette":
      return <Palette />;
    case "shortcuts":
      return <ShortcutsDialog />;
    case "create":
      return <CreateDialog imageId={overlay.imageId} />;
    case "import":
      return <ImportDialog source={overlay.source} />;
    case "delete":
      return <DeleteDialog ids={overlay.ids} />;
    case "files":
      return <FilesDialog source={overlay.source} name={overlay.name} />;
    case "limits":
      return <LimitsDialog id={overlay.id} />;
    case "checkpoint":
      return <CheckpointDialog id={overlay.id} onClose={closeOverlay} />;
    case "action":
      return (
        <ActionDialog id={overlay.id} action={overlay.action} containerId={overlay.containerId} />
      );
    default:
      return null;
  }
}
