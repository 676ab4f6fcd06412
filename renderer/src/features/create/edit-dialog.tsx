import { useState } from "react";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { useContainer, useContainerDetail } from "../../queries/containers.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { CreateDialog } from "./create-dialog.tsx";
import type { EditTarget } from "./edit-plan.tsx";

/** The form of a container that is there, to be changed. */
export function EditDialog(props: { id: string }) {
  const container = useContainer(props.id);
  const { detail, error } = useContainerDetail(props.id);
  // As it was when this was opened: while it is re-created another one comes in its place.
  const [target, setTarget] = useState<EditTarget>();
  if (!target && detail && container) setTarget({ container, config: detail.config });
  if (target) return <CreateDialog edit={target} />;
  if (!error) return null;
  return (
    <Dialog open onOpenChange={(open) => !open && closeOverlay()} title="Edit">
      <ErrorNote title="How it was made can’t be read" error={error} />
    </Dialog>
  );
}
