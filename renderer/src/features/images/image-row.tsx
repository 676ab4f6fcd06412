import { Ellipsis, Play, Tag, Trash2 } from "lucide-react";
import { memo } from "react";
import type { Image } from "#shared/contract/images";
import { IconButton } from "../../components/button.tsx";
import { bytes, joined, shortId } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { ByteCount, Dash } from "../../components/quantity.tsx";
import { Since } from "../../components/since.tsx";
import { useContainers } from "../../queries/containers.ts";
import { imageRows } from "../../state/selection.ts";
import type { GridPlace } from "../grid/grid-place.ts";
import { GridRow } from "../grid/grid-row.tsx";
import type { ImageCommands } from "./commands.ts";
import { imageMenu } from "./image-menu.ts";
import { imageName, splitReference } from "./reference.ts";
import { sourceWords } from "./view.ts";

export const ImageRow = memo(function ImageRow(
  props: GridPlace & { image: Image; commands: ImageCommands },
) {
  const { image, commands, ...place } = props;
  const { id, names, size, own, source, origin, platform, createdAt, usedBy } = image;
  const name = imageName(image);
  const { repository, tag } = splitReference(name);
  const shared = `${joined(bytes(size - own))} of ${joined(bytes(size))} are shared with other images`;
  return (
    <GridRow
      {...place}
      id={id}
      name={name}
      selection={imageRows}
      renderActions={(onMenu) => <RowActions image={image} commands={commands} onMenu={onMenu} />}
    >
      <div role="gridcell" className="images__name" title={names.join("\n") || undefined}>
        {names.length > 0 ? (
          // What tells them apart is at the end: a long name is cut before its tag.
          <span className="images__reference">
            <span className="truncate">{repository}</span>
            <span className="truncate muted">{tag}</span>
          </span>
        ) : (
          <span className="dim">no name</span>
        )}
        {names.length > 1 && <span className="images__more num">+{names.length - 1}</span>}
      </div>
      <div role="gridcell" className="images__id mono muted" title={id}>
        {shortId(id)}
      </div>
      <div role="gridcell" className="images__source muted" title={origin}>
        {sourceWords[source]}
      </div>
      <div role="gridcell" className="images__platform muted">
        {platform}
      </div>
      <div role="gridcell" className="images__size" title={shared}>
        <ByteCount value={size} />
      </div>
      <div role="gridcell" className="images__own" title={shared}>
        {own > 0 ? <ByteCount value={own} /> : <span className="dim">all shared</span>}
      </div>
      <div role="gridcell" className="images__age muted">
        {/* An image that says nothing of its age says 1970. */}
        {createdAt > 0 ? <Since time={createdAt} /> : <Dash />}
      </div>
      <div role="gridcell" className="images__used muted">
        <UsedBy ids={usedBy} />
      </div>
    </GridRow>
  );
});

/** The first container's name, and how many more there are. */
function UsedBy(props: { ids: readonly string[] }) {
  const { ids } = props;
  const { items } = useContainers();
  if (ids.length === 0) return <Dash />;
  const names = ids.map((id) => items.get(id)?.name ?? shortId(id));
  return (
    <span className="truncate num" title={names.join(", ")}>
      {names[0]}
      {names.length > 1 && <span className="dim"> +{names.length - 1}</span>}
    </span>
  );
}

function RowActions(props: {
  image: Image;
  commands: ImageCommands;
  onMenu: (open: boolean) => void;
}) {
  const { image, commands, onMenu } = props;
  const { id } = image;
  return (
    <>
      <IconButton
        icon={Play}
        label="Run"
        shortcut="r"
        size="small"
        onClick={() => commands.run(id)}
      />
      <IconButton
        icon={Tag}
        label="Tag"
        shortcut="t"
        size="small"
        onClick={() => commands.tag(id)}
      />
      <IconButton
        icon={Trash2}
        label="Delete"
        shortcut="Del"
        size="small"
        danger
        onClick={() => commands.remove([id])}
      />
      <Menu entries={imageMenu([image], commands)} onOpenChange={onMenu}>
        <IconButton icon={Ellipsis} label={`More for ${imageName(image)}`} size="small" />
      </Menu>
    </>
  );
}
