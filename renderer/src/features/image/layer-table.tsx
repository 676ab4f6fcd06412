import type { HistoryEntry, Image, ImageDetail } from "#shared/contract/images";
import { Clamped } from "../../components/clamped.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { bytes, joined, plural, shortDigest } from "../../components/format.ts";
import { ByteCount } from "../../components/quantity.tsx";
import { Moment } from "../../components/since.tsx";
import { readableStep } from "./readable-step.ts";

type Layer = NonNullable<HistoryEntry["layer"]>;

/** The steps that made the image, base first, and beside each the layer it made, as large as it is. */
export function LayerTable(props: {
  image: Image;
  detail: ImageDetail | undefined;
  error: Error | null;
}) {
  const { image, detail, error } = props;
  if (error && !detail) {
    return <ErrorNote className="inspector__note" title="Its layers can't be read" error={error} />;
  }
  if (!detail) return null;
  const layers = detail.history.flatMap(({ layer }) => layer ?? []);
  const largest = Math.max(1, ...layers.map(({ size }) => size));
  const compressed = layers.reduce((sum, layer) => sum + layer.compressed, 0);
  return (
    <div className="inspector__scroll layers">
      <p className="layers__sum muted">
        {plural(layers.length, "layer")} · <ByteCount value={image.size} /> on disk ·{" "}
        <ByteCount value={compressed} /> as a registry has them
      </p>
      <div className="layers__table" role="table" aria-label="History and layers, base first">
        <div className="layers__head layers__row" role="row">
          <span role="columnheader">Step</span>
          <span role="columnheader">Layer</span>
        </div>
        {detail.history.map((entry, index) => (
          // The steps of an image never change.
          // oxlint-disable-next-line react/no-array-index-key
          <Step key={index} entry={entry} largest={largest} />
        ))}
      </div>
    </div>
  );
}

function Step(props: { entry: HistoryEntry; largest: number }) {
  const { createdBy, createdAt, comment, layer } = props.entry;
  const { instruction, text } = readableStep(createdBy);
  return (
    <div className="layers__row" role="row" data-empty={layer ? undefined : true}>
      <div role="cell" className="layers__step">
        <p className="layers__text selectable">
          <Clamped key={createdBy}>
            {instruction && <b>{instruction} </b>}
            <span className="mono">{text || <span className="dim">not recorded</span>}</span>
          </Clamped>
        </p>
        {layer && (
          <p className="layers__note dim">
            {createdAt !== undefined && createdAt > 0 && <Moment time={createdAt} />}
            {comment && <span className="truncate">{comment}</span>}
          </p>
        )}
      </div>
      <div role="cell" className="layers__layer">
        {layer ? (
          <LayerCell layer={layer} share={layer.size / props.largest} />
        ) : (
          <span className="dim">no files</span>
        )}
      </div>
    </div>
  );
}

function LayerCell(props: { layer: Layer; share: number }) {
  const { layer, share } = props;
  const { digest, diffId, mediaType, compressed, size, files, kind, sharedWith } = layer;
  return (
    <>
      <div className="layers__size">
        <span
          className="layers__bar"
          aria-hidden="true"
          data-shared={sharedWith.length > 0 || undefined}
        >
          <i style={{ width: `${Math.max(1, share * 100)}%` }} />
        </span>
        <ByteCount value={size} />
      </div>
      <p className="layers__note muted">
        <span className="mono" title={`${digest}\n${mediaType}\nuncompressed: ${diffId}`}>
          {shortDigest(digest)}
        </span>
        <CopyButton text={digest} label="Copy digest" />
        <span
          className="num"
          title={`Kept as ${kind === "erofs" ? "one EROFS file" : "a directory"}`}
        >
          {plural(files, "file")}
        </span>
        <span className="num dim">{joined(bytes(compressed))} compressed</span>
      </p>
      {sharedWith.length > 0 && (
        <p className="layers__note dim" title={sharedWith.join("\n")}>
          <span className="truncate">
            also in {sharedWith.slice(0, 2).join(", ")}
            {sharedWith.length > 2 && ` and ${sharedWith.length - 2} more`}
          </span>
        </p>
      )}
    </>
  );
}
