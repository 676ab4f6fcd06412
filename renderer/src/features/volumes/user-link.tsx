import type { VolumeUser } from "#shared/contract/volumes";
import { inspect } from "../../state/selection.ts";

/** A container that has it, to be opened. */
export function UserLink(props: { user: VolumeUser }) {
  const { containerId, containerName, target, readOnly } = props.user;
  return (
    <button
      type="button"
      className="events__name truncate"
      title={`${target}${readOnly ? ", to read only" : ""}`}
      onClick={(event) => {
        event.stopPropagation();
        inspect(containerId);
      }}
    >
      {containerName}
    </button>
  );
}
