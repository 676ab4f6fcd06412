import { Play } from "lucide-react";
import type { Image } from "#shared/contract/images";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { shortId } from "../../components/format.ts";
import { StatusMark } from "../../components/status-mark.tsx";
import { useContainers } from "../../queries/containers.ts";
import { openOverlay } from "../../state/overlays.ts";
import { inspect } from "../../state/selection.ts";

/** The containers made from it, which keep it from being deleted. */
export function UsedBy(props: { image: Image }) {
  const { id, usedBy } = props.image;
  const { items } = useContainers();
  if (usedBy.length === 0) {
    return (
      <EmptyState
        title="Nothing uses it"
        actions={
          <Button icon={Play} onClick={() => openOverlay({ kind: "create", imageId: id })}>
            Run it
          </Button>
        }
      >
        No container was made from it: it can be deleted.
      </EmptyState>
    );
  }
  return (
    <ul className="inspector__scroll used-by" aria-label="Containers made from it">
      {usedBy.map((containerId) => {
        const container = items.get(containerId);
        return (
          <li key={containerId}>
            {container ? (
              <button
                type="button"
                className="events__name truncate"
                onClick={() => inspect(containerId)}
              >
                {container.name}
              </button>
            ) : (
              <span className="mono muted">{shortId(containerId)}</span>
            )}
            {container && <StatusMark state={container.state} />}
          </li>
        );
      })}
    </ul>
  );
}
