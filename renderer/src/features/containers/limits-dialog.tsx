import { Dialog } from "../../components/dialog.tsx";
import { KeyValues } from "../../components/key-value.tsx";
import { useContainer } from "../../queries/containers.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { LimitsEditor } from "../container/limits-editor.tsx";
import { RestartEditor } from "../container/restart-editor.tsx";

/** What may be changed while it runs, from wherever one is. */
export function LimitsDialog(props: { id: string }) {
  const container = useContainer(props.id);
  if (!container) return null;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title={`Limits and restarts of ${container.name}`}
      description="Changes take effect at once, also while it runs."
    >
      <KeyValues>
        <LimitsEditor container={container} />
        <RestartEditor container={container} />
      </KeyValues>
    </Dialog>
  );
}
