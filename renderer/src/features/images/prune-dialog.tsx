import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useRemoval } from "../../queries/images.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { useRequest } from "../fields/use-request.ts";
import { RemovalSummary } from "./removal-summary.tsx";

/** Removes what nothing uses; says first what that is. */
export function PruneDialog() {
  const client = useClient();
  const [what, setWhat] = useState<"unnamed" | "unused">("unnamed");
  const { data: removal, error } = useRemoval({ what });
  const prune = useRequest({
    run: () => client.call("images.prune", { what }),
    failure: "The pruning did not finish",
    onDone: ({ freed, images }) =>
      notify({
        tone: "good",
        title: `${plural(images, "image")} removed, ${joined(bytes(freed))} freed`,
      }),
  });
  const many = removal?.images.length ?? 0;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title="Prune images"
      size="small"
      footer={
        <>
          <Button onClick={closeOverlay}>{prune.isPending ? "Close, it goes on" : "Cancel"}</Button>
          <Button
            variant="danger"
            busy={prune.isPending}
            disabled={many === 0}
            onClick={() => prune.mutate(undefined)}
          >
            {many > 0 ? `Remove ${plural(many, "image")}` : "Remove"}
          </Button>
        </>
      }
    >
      <div className="request-form__choice">
        <SegmentedControl
          label="Which images"
          value={what}
          onChange={setWhat}
          options={[
            { value: "unnamed", label: "Without a name" },
            { value: "unused", label: "All unused" },
          ]}
        />
        <p className="field__hint">
          {what === "unnamed"
            ? "Images whose names went to newer ones, and that no container uses."
            : "All images that no container uses, also those with a name. They would have to be pulled or built again."}
        </p>
      </div>
      {prune.error && (
        <ErrorNote title={prune.failure} error={prune.error} onDismiss={prune.reset} />
      )}
      <RemovalSummary
        removal={removal}
        error={error}
        nothing={
          what === "unnamed"
            ? "There is no image without a name that nothing uses."
            : "Every image is used by a container."
        }
      />
    </Dialog>
  );
}
