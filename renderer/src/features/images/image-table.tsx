import type { Image } from "#shared/contract/images";
import { type ImageSortKey, sortImagesBy, useImageList } from "../../state/image-list.ts";
import { imageRows } from "../../state/selection.ts";
import { DataGrid, type GridColumn } from "../grid/data-grid.tsx";
import type { ImageCommands } from "./commands.ts";
import { imageMenu } from "./image-menu.ts";
import { ImageRow } from "./image-row.tsx";

const columns: GridColumn<ImageSortKey>[] = [
  { label: "Name", sort: "name" },
  { label: "Id", className: "images__id" },
  { label: "From", sort: "source", className: "images__source" },
  { label: "Platform", sort: "platform", className: "images__platform" },
  { label: "Size", sort: "size", className: "images__size" },
  { label: "Its own", sort: "own", className: "images__own" },
  { label: "Age", sort: "age", className: "images__age" },
  { label: "Used by", sort: "used", className: "images__used" },
];

export function ImageTable(props: { rows: Image[]; commands: ImageCommands }) {
  const { rows, commands } = props;
  const { sort, segment, filter } = useImageList();
  return (
    <DataGrid
      label="Images"
      className="images"
      rows={rows}
      selection={imageRows}
      columns={columns}
      sort={sort}
      onSort={sortImagesBy}
      narrowedBy={`${segment} ${filter}`}
      menu={(images) => imageMenu(images, commands)}
      onKey={(key, meant, first) => handleKey(key, meant, rows, first, commands)}
      renderRow={(image, place) => <ImageRow {...place} image={image} commands={commands} />}
    />
  );
}

function handleKey(
  key: string,
  meant: readonly string[],
  rows: readonly Image[],
  first: string,
  commands: ImageCommands,
): boolean {
  switch (key) {
    case "r":
      commands.run(first);
      return true;
    case "t":
      commands.tag(first);
      return true;
    case "p":
      // What has no name can't be pushed.
      if (rows.find(({ id }) => id === first)?.names.length) commands.push(first);
      return true;
    case "s":
      commands.save(meant);
      return true;
    case "Delete":
      commands.remove(meant);
      return true;
    default:
      return false;
  }
}
