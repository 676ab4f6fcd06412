import { Box, ListFilter, Plus, SearchX, X } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Notice, sentence } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { Kbd } from "../../components/kbd.tsx";
import { Page } from "../../components/page.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { useContainers } from "../../queries/containers.ts";
import {
  type Segment,
  setFilter,
  setSegment,
  useContainerList,
} from "../../state/container-list.ts";
import { openOverlay } from "../../state/overlays.ts";
import { forgetMissing, useSelection } from "../../state/selection.ts";
import { BulkBar } from "./bulk-bar.tsx";
import { useCommands } from "./commands.ts";
import { ContainerTable } from "./container-table.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { useRows } from "./use-rows.ts";
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
  const { items, status, error } = containers;
  const { rows, counts } = useRows(items);
  const segment = useContainerList((state) => state.segment);
  const commands = useCommands();
  const selected = useSelection((state) => state.selected);
  const chosen = useMemo(() => rows.filter(({ id }) => selected.has(id)), [rows, selected]);

  useEffect(() => {
    if (status === "live") forgetMissing((id) => items.has(id));
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
          <FilterBox />
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
      {status === "stale" && (
        <Notice tone="warn" className="containers__stale">
          What follows may be out of date: {sentence(error?.message ?? "the core does not answer")}{" "}
          Trying again.
        </Notice>
      )}
      {chosen.length > 0 && <BulkBar containers={chosen} commands={commands} />}
      {status === "loading" ? null : items.size === 0 ? (
        <FirstSteps />
      ) : rows.length === 0 ? (
        <NothingFound />
      ) : (
        <ContainerTable rows={rows} commands={commands} />
      )}
    </Page>
  );
}

function FilterBox() {
  const filter = useContainerList((state) => state.filter);
  const input = useRef<HTMLInputElement>(null);
  return (
    <TextField
      ref={input}
      className="containers__filter"
      label="Filter containers"
      hideLabel
      id="container-filter"
      icon={ListFilter}
      placeholder="Filter"
      title="Words in name, image, id or labels; label:x, status:x, image:x"
      value={filter}
      onChange={setFilter}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          if (filter) setFilter("");
          input.current?.blur();
        } else if (event.key === "ArrowDown" || event.key === "Enter") {
          document.querySelector<HTMLElement>("[role=grid]")?.focus();
        } else return;
        event.preventDefault();
        event.stopPropagation();
      }}
      trailing={
        filter ? (
          <IconButton
            size="small"
            icon={X}
            label="Clear the filter"
            onClick={() => setFilter("")}
          />
        ) : (
          <Kbd keys="/" />
        )
      }
    />
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
