import { ErrorBoundary } from "../../components/error-boundary.tsx";
import { notify } from "../../components/notices.ts";
import { closeOverlay, type Overlay, useOverlay } from "../../state/overlays.ts";
import { CheckpointDialog } from "../checkpoints/checkpoint-dialog.tsx";
import { UnitDialog } from "../container/unit-dialog.tsx";
import { DeleteDialog } from "../containers/delete-dialog.tsx";
import { LimitsDialog } from "../containers/limits-dialog.tsx";
import { CreateDialog } from "../create/create-dialog.tsx";
import { DuplicateDialog } from "../create/duplicate-dialog.tsx";
import { EditDialog } from "../create/edit-dialog.tsx";
import { ActionDialog } from "../extensions/action-dialog.tsx";
import { FilesDialog } from "../files/files-dialog.tsx";
import { BuildDialog } from "../build/build-dialog.tsx";
import { CommitDialog } from "../images/commit-dialog.tsx";
import { DeleteImagesDialog } from "../images/delete-images-dialog.tsx";
import { ExportDialog } from "../images/export-dialog.tsx";
import { ImportDialog } from "../images/import-dialog.tsx";
import { PruneDialog } from "../images/prune-dialog.tsx";
import { PushDialog } from "../images/push-dialog.tsx";
import { SaveDialog } from "../images/save-dialog.tsx";
import { TagDialog } from "../images/tag-dialog.tsx";
import { ImportProjectDialog } from "../projects/import-project-dialog.tsx";
import { RegistryDialog } from "../registries/registry-dialog.tsx";
import { SignInDialog } from "../registries/sign-in-dialog.tsx";
import { BackUpDialog } from "../volumes/back-up-dialog.tsx";
import { CreateVolumeDialog } from "../volumes/create-volume-dialog.tsx";
import { DeleteVolumesDialog } from "../volumes/delete-volumes-dialog.tsx";
import { PruneVolumesDialog } from "../volumes/prune-volumes-dialog.tsx";
import { RestoreDialog } from "../volumes/restore-dialog.tsx";
import { Palette } from "../palette/palette.tsx";
import { ShortcutsDialog } from "./shortcuts-dialog.tsx";

/** The one that is open, if any. */
export function Overlays() {
  const overlay = useOverlay((state) => state.overlay);
  return (
    <ErrorBoundary
      of={overlay}
      onError={(error) => {
        closeOverlay();
        notify({ tone: "bad", title: "A part of the window failed", error });
      }}
    >
      <Opened overlay={overlay} />
    </ErrorBoundary>
  );
}

function Opened(props: { overlay: Overlay | undefined }) {
  const { overlay } = props;
  switch (overlay?.kind) {
    case "palette":
      return <Palette />;
    case "shortcuts":
      return <ShortcutsDialog />;
    case "create":
      return <CreateDialog imageId={overlay.imageId} />;
    case "duplicate":
      return <DuplicateDialog id={overlay.id} />;
    case "edit":
      return <EditDialog id={overlay.id} />;
    case "import":
      return <ImportDialog source={overlay.source} />;
    case "build":
      return <BuildDialog again={overlay.again} />;
    case "import-project":
      return <ImportProjectDialog source={overlay.source} />;
    case "tag":
      return <TagDialog id={overlay.id} />;
    case "push":
      return <PushDialog id={overlay.id} />;
    case "save":
      return <SaveDialog ids={overlay.ids} />;
    case "delete-images":
      return <DeleteImagesDialog ids={overlay.ids} />;
    case "prune":
      return <PruneDialog />;
    case "create-volume":
      return <CreateVolumeDialog />;
    case "back-up-volume":
      return <BackUpDialog id={overlay.id} />;
    case "restore-volume":
      return <RestoreDialog id={overlay.id} />;
    case "delete-volumes":
      return <DeleteVolumesDialog ids={overlay.ids} />;
    case "prune-volumes":
      return <PruneVolumesDialog />;
    case "commit":
      return <CommitDialog containerId={overlay.containerId} />;
    case "export":
      return <ExportDialog containerId={overlay.containerId} />;
    case "registry":
      return <RegistryDialog host={overlay.host} />;
    case "sign-in":
      return <SignInDialog host={overlay.host} retry={overlay.retry} />;
    case "delete":
      return <DeleteDialog ids={overlay.ids} />;
    case "files":
      return <FilesDialog source={overlay.source} name={overlay.name} />;
    case "limits":
      return <LimitsDialog id={overlay.id} />;
    case "unit":
      return <UnitDialog id={overlay.id} />;
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
