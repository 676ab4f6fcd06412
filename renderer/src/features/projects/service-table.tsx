import { Play, RotateCw, ScrollText, Square } from "lucide-react";
import type { Container } from "#shared/contract/containers";
import type { Project, ProjectService } from "#shared/contract/projects";
import { Button, IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { PortLinks } from "../../components/port-links.tsx";
import { Dash } from "../../components/quantity.tsx";
import { isTrouble, Mark, StatusMark } from "../../components/status-mark.tsx";
import { useContainers } from "../../queries/containers.ts";
import { openLogs } from "../../state/dock.ts";
import { inspect } from "../../state/selection.ts";
import type { ProjectCommands } from "./commands.ts";
import { projectLook, stepLook } from "./project-look.ts";

/** A project's services with their containers, and how far each has come while something is done to them. */
export function ServiceTable(props: { project: Project; commands: ProjectCommands }) {
  const { project, commands } = props;
  if (project.services.length === 0) return <EmptyState title="It has no services" />;
  return (
    <div className="services" role="table" aria-label={`Services of ${project.id}`}>
      <div role="row" className="services__cells services__head">
        {["Service", "State", "Running", "Ports", "Image", ""].map((label) => (
          <span key={label} role="columnheader">
            {label || <span className="visually-hidden">Actions</span>}
          </span>
        ))}
      </div>
      {project.services.map((service) => (
        <ServiceRow key={service.name} project={project} service={service} commands={commands} />
      ))}
    </div>
  );
}

function ServiceRow(props: {
  project: Project;
  service: ProjectService;
  commands: ProjectCommands;
}) {
  const { project, service, commands } = props;
  const { name, image, replicas, containers: ids, running, step } = service;
  const { items } = useContainers();
  const containers = ids.flatMap((id) => items.get(id) ?? []);
  const busy = project.activity && projectLook(project).word;
  const none = ids.length === 0 && "Nothing of it is there";
  const services = [name];
  return (
    <div role="rowgroup" className="services__group">
      <div role="row" className="services__cells">
        <b role="rowheader" className="truncate">
          {name}
        </b>
        <span role="cell">
          <ServiceState service={service} containers={containers} busy={busy !== undefined} />
        </span>
        <span role="cell" className="num muted">
          {running} of {replicas ?? ids.length}
        </span>
        <span role="cell" className="truncate">
          {containers.some(({ ports }) => ports.length > 0) ? (
            <PortLinks ports={containers.flatMap(({ ports }) => ports)} />
          ) : (
            <Dash />
          )}
        </span>
        <span role="cell" className="mono muted truncate" title={image}>
          {image}
        </span>
        <span role="cell" className="services__actions">
          <IconButton
            size="small"
            icon={Play}
            label={`Bring up ${name}`}
            disabledReason={busy ?? (!project.imported && "Import its compose file first")}
            onClick={() => commands.up(project.id, { services })}
          />
          <IconButton
            size="small"
            icon={RotateCw}
            label={`Restart ${name}`}
            disabledReason={busy ?? none}
            onClick={() => commands.restart(project.id, services)}
          />
          <IconButton
            size="small"
            icon={Square}
            label={`Stop ${name}`}
            disabledReason={busy ?? none}
            onClick={() => commands.stop(project.id, services)}
          />
          <IconButton
            size="small"
            icon={ScrollText}
            label={`Logs of ${name}`}
            disabledReason={none}
            onClick={() => openLogs(ids)}
          />
        </span>
      </div>
      {step?.error && <ErrorNote className="services__error" error={step.error} />}
      {containers.length > 0 && (
        <div role="row" className="services__containers">
          <span role="cell">
            {containers.map((container) => (
              <Button key={container.id} variant="link" onClick={() => inspect(container.id)}>
                {container.name}
              </Button>
            ))}
          </span>
        </div>
      )}
    </div>
  );
}

/** How far it has come; else the state and health of its container, or of the one that is worst off. */
function ServiceState(props: {
  service: ProjectService;
  containers: readonly Container[];
  busy: boolean;
}) {
  const { service, containers, busy } = props;
  const look = stepLook(service.step);
  // What came of the last operation says nothing of one that runs since.
  if (look && (busy || service.running === 0)) {
    return (
      <span className={`status status--${look.tone}`}>
        <Mark shape={look.shape} tone={look.tone} />
        <span className="truncate" title={look.word}>
          {look.word}
        </span>
      </span>
    );
  }
  const worst =
    containers.find(({ state }) => isTrouble(state)) ??
    containers.find(({ state }) => state.status !== "running") ??
    containers[0];
  return worst ? <StatusMark state={worst.state} /> : <span className="dim">Not there</span>;
}
