import { useVirtualizer } from "@tanstack/react-virtual";
import { FileCheck } from "lucide-react";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { shownName, splitPath } from "#shared/base/file-names";
import type { FileChange, FileSource } from "#shared/contract/files";
import { Button } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { count } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { ByteCount } from "../../components/quantity.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { type ChangeList as Changes, useChanges } from "../../queries/files.ts";
import { ChangeMark } from "./change-mark.tsx";
import { countChanges, iconOf } from "./file-view.ts";

/** Height of a row in px. */
const rowHeight = 28;
const nothing: Changes = { changes: [], limited: false };

/** All that a container did to its image's files. */
export function ChangeList(props: {
  source: FileSource;
  /** Shows where it is. */
  onShow: (change: FileChange) => void;
}) {
  const { source, onShow } = props;
  const { data: list = nothing, error, isPending, refetch } = useChanges(source);
  const [only, setOnly] = useState<"all" | FileChange["change"]>("all");
  const counts = useMemo(() => countChanges(list.changes), [list.changes]);
  const rows = useMemo(
    () => (only === "all" ? list.changes : list.changes.filter(({ change }) => change === only)),
    [list.changes, only],
  );
  if (error) {
    return (
      <ErrorNote
        className="files__note"
        title="The changes can’t be told"
        error={error}
        actions={<Button onClick={() => void refetch()}>Try again</Button>}
      />
    );
  }
  if (isPending) {
    return (
      <p className="files__loading muted">
        <Spinner /> Comparing with the image
      </p>
    );
  }
  if (list.changes.length === 0) {
    return (
      <EmptyState icon={FileCheck} title="Nothing was changed">
        All files are as they are in the image.
      </EmptyState>
    );
  }
  return (
    <div className="change-list">
      <div className="change-list__bar">
        <SegmentedControl
          label="Show"
          value={only}
          onChange={setOnly}
          options={[
            { value: "all", label: "All" },
            { value: "added", label: "Added", count: counts.added },
            { value: "modified", label: "Modified", count: counts.modified },
            { value: "deleted", label: "Deleted", count: counts.deleted },
          ]}
        />
      </div>
      {list.limited && (
        <Notice className="files__note">The first {count(list.changes.length)} changes.</Notice>
      )}
      <ChangeRows rows={rows} onShow={onShow} />
    </div>
  );
}

function ChangeRows(props: { rows: readonly FileChange[]; onShow: (change: FileChange) => void }) {
  const { rows, onShow } = props;
  const body = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  // As in the list of containers: the compiler leaves this component alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => body.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.path ?? index,
    overscan: 12,
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ...{ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 },
      ...{ PageDown: at + 20, PageUp: at - 20 },
    };
    const to = steps[event.key];
    const row = rows[at];
    if (to !== undefined) {
      const next = Math.min(rows.length - 1, Math.max(0, to));
      setAt(next);
      virtualizer.scrollToIndex(next, { align: "auto" });
    } else if (event.key === "Enter" && row) onShow(row);
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={body}
      className="change-list__body"
      role="listbox"
      aria-label="Changed files"
      aria-activedescendant={`change-${at}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div
        role="presentation"
        className="file-table__all"
        style={{ height: virtualizer.getTotalSize() }}
      >
        {virtualizer.getVirtualItems().map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          const { directory, name } = splitPath(row.path);
          return (
            <div
              key={item.key}
              id={`change-${item.index}`}
              role="option"
              aria-selected={item.index === at}
              className={cx("change-list__row", item.index === at && "change-list__row--selected")}
              style={{ transform: `translateY(${item.start}px)`, height: rowHeight }}
              onClick={() => setAt(item.index)}
              onDoubleClick={() => onShow(row)}
            >
              <ChangeMark change={row.change} />
              <Icon of={iconOf({ ...row, name })} size={15} className="file-table__icon" />
              <span
                className={cx("change-list__path truncate", row.change === "deleted" && "muted")}
                title={shownName(row.path)}
              >
                <span className="dim">{shownName(directory === "/" ? "/" : `${directory}/`)}</span>
                {shownName(name)}
              </span>
              {row.type === "file" && <ByteCount value={row.size} />}
            </div>
          );
        })}
      </div>
    </div>
  );
}
