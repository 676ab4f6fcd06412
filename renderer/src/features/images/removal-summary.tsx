import type { Removal } from "#shared/contract/images";
import { plural } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { imageName } from "./reference.ts";
import "./removal.css";

/** What a removal would free, image by image, and what stays because somebody holds it. */
export function RemovalSummary(props: {
  removal: Removal | undefined;
  error: unknown;
  /** Said when nothing would go and nothing is held. */
  nothing: string;
}) {
  const { removal, error, nothing } = props;
  if (error) return <ErrorNote title="It can't be told what would go" error={error} />;
  if (!removal) {
    return (
      <p className="removal__wait muted" role="status">
        <Spinner size={13} /> Looking what would go
      </p>
    );
  }
  const { images, held, frees } = removal;
  return (
    <div className="removal">
      {images.length > 0 && (
        <>
          <p>
            {frees > 0 ? (
              <>
                Frees{" "}
                <b>
                  <ByteCount value={frees} />
                </b>
                <span className="muted">
                  {images.length > 1 && ` in all: ${plural(images.length, "image")} go`}. Layers
                  that other images have stay.
                </span>
              </>
            ) : (
              <>
                Frees <b>nothing</b>
                <span className="muted">: other images have all the layers.</span>
              </>
            )}
          </p>
          <ul className="removal__list" aria-label="What goes">
            {images.map((image) => (
              <li key={image.id}>
                <RemovalName image={image} />
                <ByteCount value={image.frees} />
              </li>
            ))}
          </ul>
        </>
      )}
      {held.length > 0 && (
        <>
          <p className="muted">
            <b>{plural(held.length, "image")}</b> {held.length === 1 ? "stays" : "stay"}, in use:
          </p>
          <ul className="removal__list" aria-label="What stays">
            {held.map((image) => (
              <li key={image.id}>
                <RemovalName image={image} />
                <span className="muted truncate" title={image.by.join(", ")}>
                  {image.by.join(", ")}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {images.length === 0 && held.length === 0 && <p className="muted">{nothing}</p>}
    </div>
  );
}

function RemovalName(props: { image: { id: string; names: string[] } }) {
  const { image } = props;
  return (
    <span
      className={image.names.length > 0 ? "truncate" : "truncate mono muted"}
      title={image.names.join("\n") || image.id}
    >
      {imageName(image)}
      {image.names.length > 1 && <span className="dim"> +{image.names.length - 1}</span>}
    </span>
  );
}
