import { useState } from "react";
import type { ContainerConfig } from "#shared/contract/containers";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { useContainerDetail } from "../../queries/containers.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { CreateDialog } from "./create-dialog.tsx";

/** The form of a new container, filled from another one. */
export function DuplicateDialog(props: { id: string }) {
  const { detail, error } = useContainerDetail(props.id);
  // As it was when this was opened: what is typed stays, even if that one goes meanwhile.
  const [from, setFrom] = useState<ContainerConfig>();
  if (!from && detail) setFrom(detail.config);
  if (from) return <CreateDialog from={from} />;
  if (!error) return null;
  return (
    <Dialog open onOpenChange={(open) => !open && closeOverlay()} title="New container">
      <ErrorNote title="How it was made can’t be read" error={error} />
    </Dialog>
  );
}
