import { ArrowDownToLine, ArrowLeft, Ellipsis, Play, RotateCw, Square } from "lucide-react";
import { useState } from "react";
import type { Project } from "#shared/contract/projects";
import { Button, IconButton } from "../../components/button.tsx";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { count, plural } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { Page } from "../../components/page.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { useProjectDetail } from "../../queries/projects.ts";
import { mostLogs, tooManyLogs } from "../../state/dock.ts";
import { projectRows } from "../../state/selection.ts";
import { LogView } from "../logs/log-view.tsx";
import { type ProjectCommands, useProjectCommands } from "./commands.ts";
import { projectLook } from "./project-look.ts";
import { projectMenu } from "./project-menu.ts";
import { ServiceTable } from "./service-table.tsx";
import { SourceTab } from "./source-tab.tsx";

type Tab = "services" | "logs" | "source";

/** A project: its services, what they write, and its compose file. */
export function ProjectPage(props: { project: Project }) {
  const { project } = props;
  const { id, services, error, activity } = project;
  const commands = useProjectCommands();
  const [tab, setTab] = useState<Tab>("services");
  const { detail, error: unread } = useProjectDetail(project);
  const containerIds = services.flatMap(({ containers }) => containers);
  return (
    <Page
      title={id}
      heading={<Heading project={project} />}
      tools={<Tools project={project} commands={commands} />}
    >
      {error && !activity && (
        <ErrorNote className="projects__note" title="The last time" error={error} />
      )}
      <Tabs
        label={`Views of ${id}`}
        value={tab}
        onChange={setTab}
        items={[
          {
            value: "services",
            label: "Services",
            count: services.length,
            content: <ServiceTable project={project} commands={commands} />,
          },
          {
            value: "logs",
            label: "Logs",
            content:
              containerIds.length > mostLogs ? (
                <EmptyState title={tooManyLogs}>
                  It has {count(containerIds.length)} containers. The logs of each service can be
                  opened from its row.
                </EmptyState>
              ) : containerIds.length > 0 ? (
                <LogView containerIds={containerIds} />
              ) : (
                <EmptyState title="Nothing written yet">
                  What the project’s containers write appears here, by time.
                </EmptyState>
              ),
          },
          {
            value: "source",
            label: "Compose file",
            content: unread ? (
              <ErrorNote className="projects__note" error={unread} />
            ) : (
              detail && <SourceTab detail={detail} />
            ),
          },
        ]}
      />
    </Page>
  );
}

function Heading(props: { project: Project }) {
  const { shape, tone, word } = projectLook(props.project);
  return (
    <div className="project__heading">
      <IconButton
        icon={ArrowLeft}
        label="All projects"
        onClick={() => projectRows.closeInspector()}
      />
      <h1>{props.project.id}</h1>
      <span className={`status status--${tone}`}>
        <Mark shape={shape} tone={tone} />
        {word}
      </span>
    </div>
  );
}

function Tools(props: { project: Project; commands: ProjectCommands }) {
  const { project, commands } = props;
  const { id, activity, operationId, imported, state } = project;
  const none = state === "none" && "Nothing of it is there";
  const [asking, setAsking] = useState(false);
  if (activity && operationId !== undefined) {
    return <Button onClick={() => commands.cancel(operationId)}>Cancel</Button>;
  }
  return (
    <>
      <Button
        variant="primary"
        icon={Play}
        disabledReason={!imported && "Import its compose file first"}
        onClick={() => commands.up(id)}
      >
        Bring up
      </Button>
      <Button icon={RotateCw} disabledReason={none} onClick={() => commands.restart(id)}>
        Restart
      </Button>
      <Button icon={Square} disabledReason={none} onClick={() => commands.stop(id)}>
        Stop
      </Button>
      <Button icon={ArrowDownToLine} disabledReason={none} onClick={() => setAsking(true)}>
        Bring down…
      </Button>
      <Menu entries={projectMenu(project, commands)}>
        <IconButton icon={Ellipsis} label={`More for ${id}`} />
      </Menu>
      {asking && (
        <ConfirmDialog
          open
          onOpenChange={setAsking}
          title={`Bring ${id} down?`}
          action="Bring down"
          option={{ label: "Also remove its volumes, with all that is in them" }}
          onConfirm={(volumes) => commands.down(id, volumes)}
        >
          <p>
            {plural(project.services.flatMap(({ containers }) => containers).length, "container")}{" "}
            and its networks are removed. Its compose file stays here.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
