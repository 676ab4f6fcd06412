import { Box, Boxes, Plus, SearchX } from "lucide-react";
import { useEffect, useMemo } from "react";
import type { Container } from "#shared/contract/containers";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Menu } from "../../components/menu.tsx";
import { Page } from "../../components/page.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { Waiting } from "../../components/waiting.tsx";
import { useContainers } from "../../queries/containers.ts";
import {
  type Segment,
  setFilter,
  setSegment,
  useContainerList,
} from "../../state/container-list.ts";
import { openOverlay } from "../../state/overlays.ts";
import { containerRows, useSelection } from "../../state/selection.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { StaleNotice } from "../grid/stale-notice.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { useCommands } from "./commands.ts";
import { ContainerTable } from "./container-table.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { useRows } from "./use-rows.ts";
import { projectOf } from "./view.ts";
import "./containers.css";

const segments: { value: Segment; label: string }[] = [
  { value: "all", label: "All" },
  { value: "running", label: "Running" },
  { value: "stopped", label: "Stopped" },
  { value: "trouble", label: "Trouble" },
];

/** The home screen. */
export function ContainersPage() {
  const containers = useContainers();
  const { items, status } = containers;
  const { rows, counts } = useRows(items);
  const { filter, segment } = useContainerList();
  const commands = useCommands();
  const selected = useSelection((state) => state.selected);
  const chosen = useMemo(() => rows.filter(({ id }) => selected.has(id)), [rows, selected]);

  useEffect(() => {
    if (status === "live") containerRows.forgetMissing((id) => items.has(id));
  }, [items, status]);

  return (
    <Page
      title="Containers"
      tools={
        <>
          <SegmentedControl
            label="Which containers"
            value={segment}
            onChange={setSegment}
            options={segments.map((each) => ({ ...each, count: counts[each.value] }))}
          />
          <ProjectChip items={items} />
          <FilterBox
            label="Filter containers"
            title="Words in name, image, id or labels; label:x, status:x, image:x, project:x"
            value={filter}
            onChange={setFilter}
          />
          <Button
            variant="primary"
            icon={Plus}
            tip="New container"
            shortcut="n"
            onClick={() => openOverlay({ kind: "create" })}
          >
            <span className="containers__new">New container</span>
          </Button>
        </>
      }
    >
      <StaleNotice of={containers} className="containers__stale" />
      {chosen.length > 0 && <BulkBar containers={chosen} commands={commands} />}
      {status === "loading" ? (
        <Waiting what="containers" />
      ) : items.size === 0 ? (
        <FirstSteps />
      ) : rows.length === 0 ? (
        <NothingFound />
      ) : (
        <ContainerTable rows={rows} commands={commands} />
      )}
    </Page>
  );
}

/** Narrows the list to one project's containers; not there where nothing belongs to one. */
function ProjectChip(props: { items: ReadonlyMap<string, Container> }) {
  const { items } = props;
  const filter = useContainerList((state) => state.filter);
  const names = useMemo(
    () => [...new Set([...items.values()].flatMap((each) => projectOf(each) ?? []))].sort(),
    [items],
  );
  const chosen = /(?:^|\s)project:(\S+)/.exec(filter)?.[1];
  if (names.length === 0) return null;
  const narrow = (name: string | undefined): void => {
    const rest = filter.replace(/(^|\s)project:\S*/, " ").trim();
    setFilter([name === undefined ? "" : `project:${name}`, rest].filter(Boolean).join(" "));
  };
  return (
    <Menu
      entries={[
        { label: "All projects", checked: chosen === undefined, onSelect: () => narrow(undefined) },
        ...names.map((name) => ({
          ...{ label: name, checked: name === chosen, onSelect: () => narrow(name) },
        })),
      ]}
    >
      <Button className="containers__project" icon={Boxes}>
        <span className="truncate">{chosen ?? "Project"}</span>
      </Button>
    </Menu>
  );
}

function NothingFound() {
  const { filter, segment } = useContainerList();
  return (
    <EmptyState
      icon={filter ? SearchX : Box}
      title={filter ? "No container matches" : `No container is in “${segment}”`}
      actions={
        <Button
          onClick={() => {
            setFilter("");
            setSegment("all");
          }}
        >
          Show all
        </Button>
      }
    >
      {filter && <>Nothing in name, image, id or labels matches “{filter}”.</>}
    </EmptyState>
  );
}
