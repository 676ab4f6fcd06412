import { useState } from "react";
import type { VolumePrune } from "#shared/contract/volumes";
import { Button } from "../../components/button.tsx";
import { Dialog } from "../../components/dialog.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { ByteCount } from "../../components/quantity.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { usePrunePreview, useVolumes } from "../../queries/volumes.ts";
import { closeOverlay } from "../../state/overlays.ts";
import { useRequest } from "../fields/use-request.ts";
import { SizedList } from "./sized-list.tsx";
import "../images/removal.css";

/** Removes what no container has; says first what that is. */
export function PruneVolumesDialog() {
  const client = useClient();
  const { items } = useVolumes();
  const [what, setWhat] = useState<VolumePrune["what"]>("anonymous");
  const { data, error } = usePrunePreview(what);
  const prune = useRequest({
    run: () => client.call("volumes.prune", { what }),
    failure: "The pruning did not finish",
    onDone: ({ freed, volumes }) =>
      notify({
        tone: "good",
        title: `${plural(volumes, "volume")} removed, ${joined(bytes(freed))} freed`,
      }),
  });
  const many = data?.volumes.length ?? 0;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && closeOverlay()}
      title="Prune volumes"
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
            {many > 0 ? `Remove ${plural(many, "volume")}` : "Remove"}
          </Button>
        </>
      }
    >
      <div className="request-form__choice">
        <SegmentedControl
          label="Which volumes"
          value={what}
          onChange={setWhat}
          options={[
            { value: "anonymous", label: "Anonymous" },
            { value: "unused", label: "All unused" },
          ]}
        />
        <p className="field__hint">
          {what === "anonymous"
            ? "Volumes that nobody named, and whose containers were deleted."
            : "All volumes that no container has, also those with a name. What is in them is lost for good."}
        </p>
      </div>
      {prune.error && (
        <ErrorNote title={prune.failure} error={prune.error} onDismiss={prune.reset} />
      )}
      {error ? (
        <ErrorNote title="It can't be told what would go" error={error} />
      ) : !data ? (
        <p className="removal__wait muted" role="status">
          <Spinner size={13} /> Looking what would go
        </p>
      ) : many === 0 ? (
        <p className="muted">
          {what === "anonymous"
            ? "There is no volume without a name that nothing uses."
            : "Every volume is used by a container."}
        </p>
      ) : (
        <div className="removal">
          <p>
            Frees{" "}
            <b>
              <ByteCount value={data.frees} />
            </b>
          </p>
          <SizedList
            label="What goes"
            volumes={data.volumes.map(({ id, size }) => ({
              ...{ id, size, anonymous: items.get(id)?.anonymous ?? false },
            }))}
          />
        </div>
      )}
    </Dialog>
  );
}
