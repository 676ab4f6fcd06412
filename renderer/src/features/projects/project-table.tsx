import { Ellipsis, Play, Square } from "lucide-react";
import { memo, useMemo, useState } from "react";
import type { Project } from "#shared/contract/projects";
import { IconButton } from "../../components/button.tsx";
import { Menu } from "../../components/menu.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { projectRows } from "../../state/selection.ts";
import { DataGrid, type GridColumn } from "../grid/data-grid.tsx";
import type { GridPlace } from "../grid/grid-place.ts";
import { GridRow } from "../grid/grid-row.tsx";
import type { ProjectCommands } from "./commands.ts";
import { projectLook, runningText } from "./project-look.ts";
import { projectMenu, projectsMenu } from "./project-menu.ts";

type SortKey = "state" | "name";

const columns: GridColumn<SortKey>[] = [
  { label: "State", sort: "state" },
  { label: "Name", sort: "name" },
  { label: "Running", className: "projects__running" },
  { label: "Services" },
  { label: "Directory", className: "projects__directory" },
];

const order: Project["state"][] = ["running", "partial", "stopped", "none"];

export function ProjectTable(props: { rows: readonly Project[]; commands: ProjectCommands }) {
  const { commands } = props;
  const [sort, setSort] = useState<{ key: SortKey; descending: boolean }>({
    ...{ key: "name", descending: false },
  });
  const rows = useMemo(() => {
    const sign = sort.descending ? -1 : 1;
    const by = (a: Project, b: Project): number =>
      (sort.key === "state" ? order.indexOf(a.state) - order.indexOf(b.state) : 0) ||
      a.id.localeCompare(b.id);
    return [...props.rows].sort((a, b) => sign * by(a, b));
  }, [props.rows, sort]);
  return (
    <DataGrid
      label="Projects"
      className="projects"
      rows={rows}
      selection={projectRows}
      columns={columns}
      sort={sort}
      onSort={(key) =>
        setSort((before) => ({ key, descending: before.key === key && !before.descending }))
      }
      menu={(projects) => projectsMenu(projects, commands)}
      onKey={(key, meant) => handleKey(key, meant, rows, commands)}
      renderRow={(project, place) => (
        <ProjectRow {...place} project={project} commands={commands} />
      )}
    />
  );
}

function handleKey(
  key: string,
  meant: readonly string[],
  rows: readonly Project[],
  commands: ProjectCommands,
): boolean {
  const projects = rows.filter(({ id, activity }) => meant.includes(id) && !activity);
  if (key === "s") {
    for (const { id, state, imported } of projects) {
      if (state === "running" || state === "partial") commands.stop(id);
      else if (imported) commands.up(id);
    }
    return true;
  }
  if (key !== "r") return false;
  for (const { id, state } of projects) if (state !== "none") commands.restart(id);
  return true;
}

const ProjectRow = memo(function ProjectRow(
  props: GridPlace & { project: Project; commands: ProjectCommands },
) {
  const { project, commands, ...place } = props;
  const { id, directory, services, activity, imported, state } = project;
  const { shape, tone, word } = projectLook(project);
  return (
    <GridRow
      {...place}
      id={id}
      name={id}
      selection={projectRows}
      renderActions={(onMenu) => (
        <>
          {imported && (
            <IconButton
              size="small"
              icon={Play}
              label={`Bring up ${id}`}
              disabledReason={activity && word}
              onClick={() => commands.up(id)}
            />
          )}
          <IconButton
            size="small"
            icon={Square}
            label={`Stop ${id}`}
            disabledReason={activity ? word : state === "none" && "Nothing of it is there"}
            onClick={() => commands.stop(id)}
          />
          <Menu entries={projectMenu(project, commands)} onOpenChange={onMenu}>
            <IconButton size="small" icon={Ellipsis} label={`More for ${id}`} />
          </Menu>
        </>
      )}
    >
      <div role="gridcell">
        <span className={`status status--${tone}`}>
          <Mark shape={shape} tone={tone} />
          <span className="truncate">{word}</span>
        </span>
      </div>
      <div role="gridcell" className="projects__name">
        {id}
      </div>
      <div role="gridcell" className="projects__running num muted">
        {runningText(project)}
      </div>
      <div role="gridcell" className="muted truncate">
        {services.map(({ name }) => name).join(", ")}
      </div>
      <div role="gridcell" className="projects__directory mono dim truncate" title={directory}>
        {directory ?? (imported ? "pasted" : "seen from its containers")}
      </div>
    </GridRow>
  );
});
