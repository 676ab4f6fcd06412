import { Boxes, FolderInput } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Project } from "#shared/contract/projects";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Page } from "../../components/page.tsx";
import { Waiting } from "../../components/waiting.tsx";
import { useProjects } from "../../queries/projects.ts";
import { openOverlay } from "../../state/overlays.ts";
import { projectRows, useProjectSelection } from "../../state/selection.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { StaleNotice } from "../grid/stale-notice.tsx";
import { useProjectCommands } from "./commands.ts";
import { ProjectPage } from "./project-page.tsx";
import { ProjectTable } from "./project-table.tsx";
import "./projects.css";

/** All projects, or the page of the one that is open. */
export function ProjectsPage() {
  const { items, status } = useProjects();
  const opened = useProjectSelection((state) => state.inspected);
  useEffect(() => {
    if (status === "live") projectRows.forgetMissing((id) => items.has(id));
  }, [items, status]);
  const project = opened === undefined ? undefined : items.get(opened);
  return project ? <ProjectPage key={project.id} project={project} /> : <ProjectList />;
}

const importOne = (): void => openOverlay({ kind: "import-project" });

function ProjectList() {
  const projects = useProjects();
  const { items, status } = projects;
  const commands = useProjectCommands();
  const [filter, setFilter] = useState("");
  const rows = useMemo(() => shownProjects(items.values(), filter), [items, filter]);
  return (
    <Page
      title="Projects"
      tools={
        <>
          <FilterBox
            label="Filter projects"
            title="Words in names, services, images or directories"
            value={filter}
            onChange={setFilter}
          />
          <Button variant="primary" icon={FolderInput} onClick={importOne}>
            Import…
          </Button>
        </>
      }
    >
      <StaleNotice of={projects} className="projects__note" />
      {status === "loading" ? (
        <Waiting what="projects" />
      ) : items.size === 0 ? (
        <EmptyState
          icon={Boxes}
          title="No projects yet"
          actions={
            <Button variant="primary" icon={FolderInput} onClick={importOne}>
              Import a compose file
            </Button>
          }
        >
          A compose file describes containers that belong together. What of it can’t be had here is
          named line by line before anything starts.
        </EmptyState>
      ) : rows.length === 0 ? (
        <EmptyState
          icon={Boxes}
          title="No project matches"
          actions={<Button onClick={() => setFilter("")}>Show all</Button>}
        />
      ) : (
        <ProjectTable rows={rows} commands={commands} />
      )}
    </Page>
  );
}

function shownProjects(projects: Iterable<Project>, filter: string): Project[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return [...projects]
    .filter(({ id, directory = "", services }) => {
      const named = services.map(({ name, image }) => `${name} ${image}`).join(" ");
      const text = `${id} ${directory} ${named}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => a.id.localeCompare(b.id));
}
