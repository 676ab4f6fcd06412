import { ArchiveRestore, Brush, Database, Ellipsis, Plus, Trash2 } from "lucide-react";
import { useEffect, useMemo } from "react";
import type { Volume } from "#shared/contract/volumes";
import { Button, IconButton } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Menu } from "../../components/menu.tsx";
import { Page } from "../../components/page.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { Waiting } from "../../components/waiting.tsx";
import { useVolumes, useVolumeSizes } from "../../queries/volumes.ts";
import { openOverlay } from "../../state/overlays.ts";
import { useVolumeSelection, volumeRows } from "../../state/selection.ts";
import {
  setVolumeFilter,
  setVolumeSegment,
  useVolumeList,
  type VolumeSegment,
} from "../../state/volume-list.ts";
import { FilterBox } from "../grid/filter-box.tsx";
import { SelectionBar } from "../grid/selection-bar.tsx";
import { StaleNotice } from "../grid/stale-notice.tsx";
import { useVolumeCommands, type VolumeCommands } from "./commands.ts";
import { inVolumeSegment, parseVolumeFilter, volumeComparator } from "./view.ts";
import { VolumeTable } from "./volume-table.tsx";
import "./volumes.css";

const segments: { value: VolumeSegment; label: string }[] = [
  { value: "all", label: "All" },
  { value: "used", label: "In use" },
  { value: "unused", label: "Unused" },
  { value: "anonymous", label: "Anonymous" },
];

/** The volumes of this machine: what containers keep, and who has it. */
export function VolumesPage() {
  const volumes = useVolumes();
  const { items, status } = volumes;
  const sizes = useVolumeSizes();
  const { filter, segment, sort } = useVolumeList();
  const commands = useVolumeCommands();
  const selected = useVolumeSelection((state) => state.selected);
  const matching = useMemo(
    () => [...items.values()].filter(parseVolumeFilter(filter)),
    [items, filter],
  );
  const rows = useMemo(
    () =>
      matching
        .filter((volume) => inVolumeSegment(volume, segment))
        .sort(volumeComparator(sort, sizes)),
    [matching, segment, sort, sizes],
  );
  const chosen = useMemo(() => rows.filter(({ id }) => selected.has(id)), [rows, selected]);

  useEffect(() => {
    if (status === "live") volumeRows.forgetMissing((id) => items.has(id));
  }, [items, status]);

  return (
    <Page
      title="Volumes"
      tools={
        <>
          <SegmentedControl
            label="Which volumes"
            value={segment}
            onChange={setVolumeSegment}
            options={segments.map((each) => ({
              ...each,
              count: matching.filter((volume) => inVolumeSegment(volume, each.value)).length,
            }))}
          />
          <FilterBox
            label="Filter volumes"
            title="Words in names, labels, and who has them where"
            value={filter}
            onChange={setVolumeFilter}
          />
          <Button
            variant="primary"
            icon={Plus}
            onClick={() => openOverlay({ kind: "create-volume" })}
          >
            New volume
          </Button>
          <Menu
            entries={[
              {
                label: "Restore a volume from a tar…",
                icon: ArchiveRestore,
                onSelect: () => openOverlay({ kind: "restore-volume" }),
              },
              { kind: "separator" },
              {
                label: "Prune volumes…",
                icon: Brush,
                onSelect: () => openOverlay({ kind: "prune-volumes" }),
              },
            ]}
          >
            <IconButton icon={Ellipsis} label="More for volumes" />
          </Menu>
        </>
      }
    >
      <StaleNotice of={volumes} className="volumes__note" />
      {chosen.length > 0 && <VolumeBulkBar volumes={chosen} commands={commands} />}
      {status === "loading" ? (
        <Waiting what="volumes" />
      ) : items.size === 0 ? (
        <EmptyState
          icon={Database}
          title="No volumes yet"
          actions={
            <>
              <Button
                variant="primary"
                icon={Plus}
                onClick={() => openOverlay({ kind: "create-volume" })}
              >
                New volume
              </Button>
              <Button icon={ArchiveRestore} onClick={() => openOverlay({ kind: "restore-volume" })}>
                Restore one
              </Button>
            </>
          }
        >
          A volume keeps files apart from any container: they stay when it is deleted, and several
          can share them. Mount one by its name when you create a container; it is made if it is not
          there.
        </EmptyState>
      ) : rows.length === 0 ? (
        <EmptyState
          icon={Database}
          title={filter ? "No volume matches" : "No volume is like that"}
          actions={
            <Button
              onClick={() => {
                setVolumeFilter("");
                setVolumeSegment("all");
              }}
            >
              Show all
            </Button>
          }
        />
      ) : (
        <VolumeTable rows={rows} sizes={sizes} commands={commands} />
      )}
    </Page>
  );
}

/** What can be done to all that are ticked. */
function VolumeBulkBar(props: { volumes: readonly Volume[]; commands: VolumeCommands }) {
  const { volumes, commands } = props;
  return (
    <SelectionBar count={volumes.length} noun="volume" onClear={() => volumeRows.clear()}>
      <Button
        variant="ghost"
        icon={Trash2}
        shortcut="Del"
        tip="Delete"
        onClick={() => commands.remove(volumes.map(({ id }) => id))}
      >
        Delete…
      </Button>
    </SelectionBar>
  );
}
