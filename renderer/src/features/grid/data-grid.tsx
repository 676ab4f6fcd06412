import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import {
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import { Checkbox } from "../../components/fields.tsx";
import { Icon } from "../../components/icon.tsx";
import { ContextMenu, type MenuEntry } from "../../components/menu.tsx";
import { useRowErrors } from "../../state/row-errors.ts";
import type { RowSelection } from "../../state/row-selection.ts";
import { useGridKeys } from "./grid-keys.ts";
import type { GridPlace } from "./grid-place.ts";
import { rowElementId } from "./grid-row.tsx";
import "./grid.css";

/** Heights in px: a row, and the line below it that says what went wrong. */
const rowHeight = 34;
const errorHeight = 28;

export interface GridColumn<K extends string> {
  label: string;
  className?: string;
  /** Absent where one can't sort by it. */
  sort?: K;
}

export interface DataGridProps<T extends { id: string }, K extends string> {
  label: string;
  /** Its columns' widths are set by `CLASS .grid__cells`. */
  className: string;
  rows: readonly T[];
  selection: RowSelection;
  columns: readonly GridColumn<K>[];
  sort: { key: K; descending: boolean };
  onSort: (key: K) => void;
  /** What narrows the list: another filter, like another order, is looked at from its top. */
  narrowedBy?: string;
  /** What can be done to these: all that is ticked if the row is one of them, else the row. */
  menu: (rows: T[]) => MenuEntry[];
  /** Keys beyond those of every list; see grid-keys.ts. */
  onKey: (key: string, meant: readonly string[], first: string) => boolean;
  /** A GridRow. */
  renderRow: (row: T, place: GridPlace) => ReactNode;
}

/** A list of rows that can be ticked, sorted and opened: virtual, so that a thousand cost what thirty do. */
export function DataGrid<T extends { id: string }, K extends string>(props: DataGridProps<T, K>) {
  const { label, className, rows, selection, columns, sort, onSort, menu, onKey, renderRow } =
    props;
  const { narrowedBy } = props;
  const body = useRef<HTMLDivElement>(null);
  const errors = useRowErrors((state) => state.errors);
  const { current, selected } = selection.use();
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
  useLayoutEffect(() => {
    const rows = body.current;
    if (!rows) return;
    const scrollbar = rows.offsetWidth - rows.clientWidth;
    rows.parentElement?.style.setProperty("--scrollbar", `${scrollbar}px`);
  });
  useEffect(() => {
    if (body.current) body.current.scrollTop = 0;
  }, [narrowedBy, sort.key, sort.descending]);

  const show = useCallback(
    (id: string) => {
      const index = at.get(id);
      if (index !== undefined) virtualizer.scrollToIndex(index, { align: "auto" });
    },
    [at, virtualizer],
  );
  const onKeyDown = useGridKeys({
    selection,
    ids,
    pageRows: () => pageRows(body.current),
    show,
    onKey,
  });

  const onClick = (event: MouseEvent): void => {
    const id = rowIdOf(event.target);
    if (id === undefined) return;
    if (event.shiftKey) selection.extendTo(id, ids);
    else if (event.ctrlKey || event.metaKey) selection.toggle(id);
    else selection.choose(id);
  };
  const subject = (): T[] => {
    const state = selection.state;
    const meant =
      state.current !== undefined && state.selected.has(state.current)
        ? ids.filter((id) => state.selected.has(id))
        : [state.current];
    return meant.flatMap((id) => rows[at.get(id ?? "") ?? -1] ?? []);
  };
  const ticked = ids.filter((id) => selected.has(id)).length;

  return (
    <div
      className={`grid ${className}`}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={
        current !== undefined && at.has(current) ? rowElementId(current) : undefined
      }
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div className="grid__head grid__cells" role="row" aria-rowindex={1}>
        <div role="columnheader" className="grid__check">
          <Checkbox
            checked={
              ticked > 0 && ticked === ids.length ? true : ticked > 0 ? "indeterminate" : false
            }
            onChange={(all) => (all ? selection.selectAll(ids) : selection.clear())}
            label="Select all"
            hideLabel
          />
        </div>
        {columns.map((column) => (
          <ColumnHead key={column.label} column={column} sort={sort} onSort={onSort} />
        ))}
      </div>
      <ContextMenu entries={() => menu(subject())}>
        <div
          ref={body}
          className="grid__body"
          role="presentation"
          onClick={onClick}
          onContextMenu={(event) => {
            const id = rowIdOf(event.target);
            if (id !== undefined) selection.pointAt(id);
            else if (subject().length === 0) event.preventDefault();
          }}
        >
          <div
            role="presentation"
            className="grid__all"
            style={{ height: virtualizer.getTotalSize() }}
          >
            {virtualizer.getVirtualItems().map((item) => {
              const row = rows[item.index];
              if (!row) return null;
              return (
                <div
                  key={item.key}
                  role="presentation"
                  className="grid__slot"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  {renderRow(row, {
                    rowIndex: item.index + 2,
                    current: current === row.id,
                    selected: selected.has(row.id),
                  })}
                </div>
              );
            })}
          </div>
        </div>
      </ContextMenu>
    </div>
  );
}

function ColumnHead<K extends string>(props: {
  column: GridColumn<K>;
  sort: { key: K; descending: boolean };
  onSort: (key: K) => void;
}) {
  const { column, sort, onSort } = props;
  const { label, className, sort: key } = column;
  const sorted = sort.key === key;
  return (
    <div
      role="columnheader"
      className={className}
      aria-sort={sorted ? (sort.descending ? "descending" : "ascending") : undefined}
    >
      {key === undefined ? (
        label
      ) : (
        <button type="button" tabIndex={-1} onClick={() => onSort(key)}>
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
