import type { Container } from "#shared/contract/containers";
import { type SortKey, sortBy, useContainerList } from "../../state/container-list.ts";
import { containerRows } from "../../state/selection.ts";
import { DataGrid, type GridColumn } from "../grid/data-grid.tsx";
import { type Commands, useRenaming } from "./commands.ts";
import { containerMenu } from "./container-menu.ts";
import { ContainerRow } from "./container-row.tsx";

const columns: GridColumn<SortKey>[] = [
  { label: "State", sort: "state" },
  { label: "Name", sort: "name" },
  { label: "Image", sort: "image", className: "containers__image" },
  { label: "CPU", sort: "cpu", className: "containers__cpu" },
  { label: "Memory", sort: "memory", className: "containers__memory" },
  { label: "Ports", className: "containers__ports" },
  { label: "Labels", className: "containers__labels" },
  { label: "Since", sort: "since", className: "containers__since" },
  { label: "Runtime", sort: "runtime", className: "containers__runtime" },
];

/** The list itself. */
export function ContainerTable(props: { rows: Container[]; commands: Commands }) {
  const { rows, commands } = props;
  const { sort, segment, filter } = useContainerList();
  const renaming = useRenaming((state) => state.id);
  return (
    <DataGrid
      label="Containers"
      className="containers__grid"
      rows={rows}
      selection={containerRows}
      columns={columns}
      sort={sort}
      onSort={sortBy}
      narrowedBy={`${segment} ${filter}`}
      menu={(containers) => containerMenu(containers, commands)}
      onKey={(key, meant, first) => handleKey(key, meant, first, commands)}
      renderRow={(container, place) => (
        <ContainerRow
          {...place}
          container={container}
          renaming={renaming === container.id}
          commands={commands}
        />
      )}
    />
  );
}

function handleKey(
  key: string,
  meant: readonly string[],
  first: string,
  commands: Commands,
): boolean {
  switch (key) {
    case "s":
      commands.toggleRunning(meant);
      return true;
    case "r":
      commands.restart(meant);
      return true;
    case " ":
      commands.togglePaused(meant);
      return true;
    case "e":
      commands.exec(first);
      return true;
    case "l":
      commands.logs(meant);
      return true;
    case "Delete":
      commands.remove(meant);
      return true;
    case "F2":
      commands.beginRename(first);
      return true;
    default:
      return false;
  }
}
