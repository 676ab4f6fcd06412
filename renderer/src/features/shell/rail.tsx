import {
  Activity,
  Box,
  Boxes,
  Cable,
  Database,
  HardDrive,
  History,
  Layers,
  type LucideIcon,
  Network,
  Puzzle,
  Waypoints,
} from "lucide-react";
import type { ReactNode } from "react";
import { count } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { Tooltip } from "../../components/tooltip.tsx";
import { useMediaQuery } from "../../components/use-media-query.ts";
import { useOperations } from "../../queries/activity.ts";
import { useCheckpoints } from "../../queries/checkpoints.ts";
import { useContainers } from "../../queries/containers.ts";
import { useImages } from "../../queries/images.ts";
import { useProjects } from "../../queries/projects.ts";
import { systemTrouble, useSystem } from "../../queries/system.ts";
import { useVolumes } from "../../queries/volumes.ts";
import { goTo, pageKey, type PageName, useLayout } from "../../state/layout.ts";
import { projectRows } from "../../state/selection.ts";
import { iconRailQuery } from "./sizes.ts";

export function Rail() {
  const containers = useContainers();
  const projects = useProjects();
  const images = useImages();
  const volumes = useVolumes();
  const checkpoints = useCheckpoints();
  const operations = useOperations();
  const system = useSystem();
  const running = [...operations.items.values()].some(({ status }) => status === "running");
  const trouble = systemTrouble(system);
  return (
    <nav className="rail" aria-label="Pages">
      <RailItem page="containers" icon={Box} label="Containers">
        <Count of={containers.status === "loading" ? undefined : containers.items.size} />
      </RailItem>
      <RailItem page="projects" icon={Boxes} label="Projects">
        <Count of={projects.status === "loading" ? undefined : projects.items.size} />
      </RailItem>
      <RailItem page="images" icon={Layers} label="Images">
        <Count of={images.status === "loading" ? undefined : images.items.size} />
      </RailItem>
      <RailItem page="volumes" icon={Database} label="Volumes">
        <Count of={volumes.status === "loading" ? undefined : volumes.items.size} />
      </RailItem>
      <RailItem page="networks" icon={Waypoints} label="Networks" />
      <RailItem page="checkpoints" icon={History} label="Checkpoints">
        <Count of={checkpoints.status === "loading" ? undefined : checkpoints.items.size} />
      </RailItem>
      <RailItem page="shims" icon={Cable} label="Shims" />
      <RailItem page="elsewhere" icon={Network} label="Elsewhere" />
      <RailItem page="extensions" icon={Puzzle} label="Extensions" />
      <RailItem page="activity" icon={Activity} label="Activity">
        {running && <Spinner size={12} className="rail__busy" />}
      </RailItem>
      <RailItem page="system" icon={HardDrive} label="System">
        {trouble > 0 && (
          <b className="rail__warn num">
            {trouble}
            <span className="visually-hidden"> to look at</span>
          </b>
        )}
      </RailItem>
    </nav>
  );
}

function Count(props: { of: number | undefined }) {
  return props.of === undefined ? null : <b className="rail__count num">{count(props.of)}</b>;
}

function RailItem(props: {
  page: PageName;
  icon: LucideIcon;
  label: string;
  children?: ReactNode;
}) {
  const { page, icon, label, children } = props;
  const on = useLayout((state) => state.page === page);
  const icons = useMediaQuery(iconRailQuery);
  return (
    <Tooltip content={icons ? label : undefined} shortcut={pageKey(page)} side="right">
      <button
        type="button"
        className="rail__item"
        aria-current={on ? "page" : undefined}
        onClick={() => {
          // From a project's page back to all of them.
          if (on && page === "projects") projectRows.closeInspector();
          goTo(page);
        }}
      >
        <Icon of={icon} />
        <span className="rail__label">{label}</span>
        {children}
      </button>
    </Tooltip>
  );
}
