import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type MouseEvent, useCallback, useEffect, useMemo, useRef } from "react";
import type { Container } from "#shared/contract/containers";
import { Checkbox } from "../../components/fields.tsx";
import { Icon } from "../../components/icon.tsx";
import { ContextMenu } from "../../components/menu.tsx";
import { type SortKey, sortBy, useContainerList } from "../../state/container-list.ts";
import { useRowErrors } from "../../state/row-errors.ts";
import {
  choose,
  clearSelection,
  extendTo,
  selectAll,
  toggle,
  useSelection,
} from "../../state/selection.ts";
import { type Commands, useRenaming } from "./commands.ts";
import { containerMenu } from "./container-menu.ts";
import { ContainerRow, rowElementId } from "./container-row.tsx";
import { useGridKeys } from "./grid-keys.ts";

/** Heights in px: a row, and the line below it that says what went wrong. */
const rowHeight = 34;
const errorHeight = 28;

const columns: { key: SortKey | "ports"; label: string; className: string }[] = [
  { key: "state", label: "State", className: "" },
  { key: "name", label: "Name", className: "" },
  { key: "image", label: "Image", className: "containers__image" },
  { key: "cpu", label: "CPU", className: "containers__cpu" },
  { key: "memory", label: "Memory", className: "containers__memory" },
  { key: "ports", label: "Ports", className: "containers__ports" },
  { key: "since", label: "Since", className: "containers__since" },
  { key: "runtime", label: "Runtime", className: "containers__runtime" },
];

/** The list itself: virtual, so that a thousand cost what thirty do. */
export function ContainerTable(props: { rows: Container[]; commands: Commands }) {
  const { rows, commands } = props;
  const body = useRef<HTMLDivElement>(null);
  const errors = useRowErrors((state) => state.errors);
  const { current, selected } = useSelection();
  const renaming = useRenaming((state) => state.id);
  const ids = useMemo(() => rows.map(({ id }) => id), [rows]);
  const at = useMemo(() => new Map(ids.map((id, index) => [id, index])), [ids]);

  // The compiler leaves this component alone, as it must; its rows are memoised by themselves.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => body.current,
    estimateSize: (index) =>
      errors.has(ids[index] as string) ? rowHeight + errorHeight : rowHeight,
    getItemKey: (index) => ids[index] as string,
    overscan: 8,
  });
  useEffect(() => virtualizer.measure(), [virtualizer, errors, ids]);

  const show = useCallback(
    (id: string) => {
      const index = at.get(id);
      if (index !== undefined) virtualizer.scrollToIndex(index, { align: "auto" });
    },
    [at, virtualizer],
  );
  const onKeyDown = useGridKeys({ ids, pageRows: () => pageRows(body.current), show, commands });

  const onClick = (event: MouseEvent): void => {
    const id = rowIdOf(event.target);
    if (id === undefined) return;
    if (event.shiftKey) extendTo(id, ids);
    else if (event.ctrlKey || event.metaKey) toggle(id);
    else choose(id);
  };
  /** What a context menu is about: all that is ticked if the row is one of them, else the row. */
  const subject = (): Container[] => {
    const state = useSelection.getState();
    const meant =
      state.current !== undefined && state.selected.has(state.current)
        ? ids.filter((id) => state.selected.has(id))
        : [state.current];
    return meant.flatMap((id) => rows[at.get(id ?? "") ?? -1] ?? []);
  };
  const ticked = ids.filter((id) => selected.has(id)).length;

  return (
    <div
      className="containers__grid"
      role="grid"
      aria-label="Containers"
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={
        current !== undefined && at.has(current) ? rowElementId(current) : undefined
      }
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div className="containers__head containers__cells" role="row" aria-rowindex={1}>
        <div role="columnheader" className="containers__check">
          <Checkbox
            checked={
              ticked > 0 && ticked === ids.length ? true : ticked > 0 ? "indeterminate" : false
            }
            onChange={(all) => (all ? selectAll(ids) : clearSelection())}
            label="Select all"
            hideLabel
          />
        </div>
        {columns.map((column) => (
          <ColumnHead key={column.key} column={column} />
        ))}
      </div>
      <ContextMenu entries={() => containerMenu(subject(), commands)}>
        <div
          ref={body}
          className="containers__body"
          role="presentation"
          onClick={onClick}
          onContextMenu={(event) => {
            const id = rowIdOf(event.target);
            if (id === undefined) {
              if (subject().length === 0) event.preventDefault();
            } else {
              const { selected: now } = useSelection.getState();
              useSelection.setState({
                current: id,
                anchor: id,
                ...(now.has(id) ? {} : { selected: new Set<string>() }),
              });
            }
          }}
        >
          <div
            role="presentation"
            className="containers__all"
            style={{ height: virtualizer.getTotalSize() }}
          >
            {virtualizer.getVirtualItems().map((item) => {
              const container = rows[item.index];
              if (!container) return null;
              return (
                <div
                  key={item.key}
                  role="presentation"
                  className="containers__slot"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <ContainerRow
                    container={container}
                    rowIndex={item.index + 2}
                    current={current === container.id}
                    selected={selected.has(container.id)}
                    renaming={renaming === container.id}
                    commands={commands}
                  />
                </div>
              );
            })}
          </div>
        </div>
      </ContextMenu>
    </div>
  );
}

function ColumnHead(props: { column: (typeof columns)[number] }) {
  const { key, label, className } = props.column;
  const sort = useContainerList((state) => state.sort);
  const sorted = sort.key === key;
  return (
    <div
      role="columnheader"
      className={className}
      aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : undefined}
    >
      {key === "ports" ? (
        label
      ) : (
        <button type="button" tabIndex={-1} onClick={() => sortBy(key)}>
          {label}
          {sorted && <Icon of={sort.descending ? ArrowDown : ArrowUp} size={12} />}
        </button>
      )}
    </div>
  );
}

function rowIdOf(target: EventTarget): string | undefined {
  if (!(target instanceof Element)) return undefined;
  return target.closest<HTMLElement>("[data-id]")?.dataset["id"];
}

function pageRows(body: HTMLElement | null): number {
  return Math.max(1, Math.floor((body?.clientHeight ?? 0) / rowHeight) - 1);
}
