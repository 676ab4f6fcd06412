import { PackageX } from "lucide-react";
import { EmptyState } from "../../components/empty-state.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { useCheckpointsOf } from "../../queries/checkpoints.ts";
import { useContainer, useContainers } from "../../queries/containers.ts";
import { useTerminalsOf } from "../../queries/terminals.ts";
import { useLayout } from "../../state/layout.ts";
import { chooseTab, usePlaces } from "../../state/places.ts";
import { CheckpointTimeline } from "../checkpoints/checkpoint-timeline.tsx";
import { FileBrowser } from "../files/file-browser.tsx";
import { LogView } from "../logs/log-view.tsx";
import { StatsView } from "../stats/stats-view.tsx";
import { TerminalList } from "../terminals/terminal-list.tsx";
import { ContainerEvents } from "./container-events.tsx";
import { InspectView } from "./inspect-view.tsx";
import { InspectorHead } from "./inspector-head.tsx";
import { Overview } from "./overview.tsx";
import { ProcessTable } from "./process-table.tsx";
import "./container.css";

type Tab =
  | "overview"
  | "logs"
  | "terminals"
  | "files"
  | "processes"
  | "stats"
  | "inspect"
  | "checkpoints"
  | "events";

/** Everything about one container, beside the list or as a page of its own. */
export function ContainerInspector(props: { id: string }) {
  const { id } = props;
  const { status } = useContainers();
  const container = useContainer(id);
  const terminals = useTerminalsOf(id);
  const checkpoints = useCheckpointsOf(id);
  const full = useLayout((state) => state.inspectorFull);
  const tab = usePlaces((state) => (state.tab?.id === id ? state.tab.value : "overview")) as Tab;
  if (!container) {
    if (status === "loading") return null;
    return (
      <EmptyState icon={PackageX} title="This container is gone">
        It was deleted. Choose another one in the list.
      </EmptyState>
    );
  }
  const many = (n: number): number | undefined => (n === 0 ? undefined : n);
  return (
    <div className="inspector">
      <InspectorHead container={container} full={full} />
      <Tabs<Tab>
        label={`${container.name}, details`}
        value={tab}
        onChange={(value) => chooseTab(id, value)}
        items={[
          { value: "overview", label: "Overview", content: <Overview container={container} /> },
          { value: "logs", label: "Logs", content: <LogView containerIds={[id]} /> },
          {
            value: "terminals",
            label: "Terminals",
            count: many(terminals.length),
            content: (
              <TerminalList
                id={id}
                name={container.name}
                running={container.state.status === "running"}
              />
            ),
          },
          {
            value: "files",
            label: "Files",
            content: <FileBrowser source={{ kind: "container", id }} />,
          },
          {
            value: "processes",
            label: "Processes",
            content: <ProcessTable container={container} />,
          },
          { value: "stats", label: "Stats", content: <StatsView id={id} /> },
          { value: "inspect", label: "Inspect", content: <InspectView id={id} /> },
          {
            value: "checkpoints",
            label: "Checkpoints",
            count: many(checkpoints.length),
            content: (
              <div className="inspector__scroll">
                <CheckpointTimeline container={container} />
              </div>
            ),
          },
          { value: "events", label: "Events", content: <ContainerEvents id={id} /> },
        ]}
      />
    </div>
  );
}
