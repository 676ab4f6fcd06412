import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { useContainerDetail } from "../../queries/containers.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { CreateDialog } from "./create-dialog.tsx";

/** The form of a new container, filled from another one. */
export function DuplicateDialog(props: { id: string }) {
  const { detail, error } = useContainerDetail(props.id);
  if (detail) return <CreateDialog from={detail.config} />;
  if (!error) return null;
  return (
    <Dialog open onOpenChange={(open) => !open && closeOverlay()} title="New container">
      <ErrorNote title="How it was made can’t be read" error={error} />
    </Dialog>
  );
}
