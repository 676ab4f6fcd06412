import type { Volume } from "#shared/contract/volumes";
import { volumeRows } from "../../state/selection.ts";
import { sortVolumesBy, useVolumeList, type VolumeSortKey } from "../../state/volume-list.ts";
import { DataGrid, type GridColumn } from "../grid/data-grid.tsx";
import type { VolumeCommands } from "./commands.ts";
import { volumeMenu } from "./volume-menu.ts";
import { VolumeRow } from "./volume-row.tsx";

const columns: GridColumn<VolumeSortKey>[] = [
  { label: "Name", sort: "name" },
  { label: "Labels", className: "volumes__labels" },
  { label: "Size", sort: "size", className: "volumes__size" },
  { label: "Age", sort: "age", className: "volumes__age" },
  { label: "Used by", sort: "used", className: "volumes__used" },
];

export function VolumeTable(props: {
  rows: Volume[];
  sizes: ReadonlyMap<string, number>;
  commands: VolumeCommands;
}) {
  const { rows, sizes, commands } = props;
  const { sort, segment, filter } = useVolumeList();
  return (
    <DataGrid
      label="Volumes"
      className="volumes"
      rows={rows}
      selection={volumeRows}
      columns={columns}
      sort={sort}
      onSort={sortVolumesBy}
      narrowedBy={`${segment} ${filter}`}
      menu={(volumes) => volumeMenu(volumes, commands)}
      onKey={(key, meant, first) => handleKey(key, meant, first, commands)}
      renderRow={(volume, place) => (
        <VolumeRow {...place} volume={volume} size={sizes.get(volume.id)} commands={commands} />
      )}
    />
  );
}

function handleKey(
  key: string,
  meant: readonly string[],
  first: string,
  commands: VolumeCommands,
): boolean {
  if (key === "f") commands.browse(first);
  else if (key === "b") commands.backUp(first);
  else if (key === "Delete") commands.remove(meant);
  else return false;
  return true;
}
