import type { ContainerDetail } from "#shared/contract/containers";
import { KeyValue } from "../../components/key-value.tsx";
import { inspectVolume } from "../../state/selection.ts";
import { volumeName } from "../volumes/view.ts";

/** What it keeps, and where it sees that. */
export function ContainerVolumes(props: { volumes: ContainerDetail["volumes"] }) {
  return (
    <KeyValue name="Volumes">
      {props.volumes.map((volume) => (
        <span key={volume.target} className="overview__network">
          <button
            type="button"
            className="events__name"
            title={volume.anonymous ? `${volume.id}, which nobody named` : volume.id}
            onClick={() => inspectVolume(volume.id)}
          >
            {volumeName(volume)}
          </button>{" "}
          <span className="mono muted">{volume.target}</span>
        </span>
      ))}
    </KeyValue>
  );
}
