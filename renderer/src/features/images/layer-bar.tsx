import type { Transfer } from "#shared/contract/images";
import { shortDigest } from "../../components/format.ts";
import { layerLook, type TransferLayer, transferTotals } from "./transfer-view.ts";

/** The least of the bar that a layer takes, so that a small one is seen beside a large one. */
const least = 0.015;

/** All layers of a transfer in one bar, each as wide as it is large. */
export function LayerBar(props: {
  label: string;
  direction: Transfer["direction"];
  layers: readonly TransferLayer[];
}) {
  const { label, direction, layers } = props;
  const { size, done } = transferTotals(layers);
  return (
    <div
      className="layer-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={size > 0 ? Math.round((done / size) * 100) : undefined}
      data-endless={layers.length === 0 || undefined}
    >
      {layers.map((layer) => (
        <span
          key={layer.digest}
          className={`layer-bar__part layer-bar__part--${layer.state}`}
          title={`${shortDigest(layer.digest)}: ${layerLook(layer.state, direction).word}`}
          style={{ flexGrow: Math.max(layer.size / Math.max(1, size), least) }}
        >
          <i style={{ width: `${layer.size > 0 ? (layer.done / layer.size) * 100 : 0}%` }} />
        </span>
      ))}
    </div>
  );
}
