import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type KeyboardEvent, type RefObject, useEffect, useRef } from "react";
import type { FileEntry } from "#shared/contract/files";
import { Icon } from "../../components/icon.tsx";
import { ContextMenu, type MenuEntry } from "../../components/menu.tsx";
import { FileRow } from "./file-row.tsx";
import type { Sort, SortKey } from "./file-view.ts";

/** Height of a row in px. */
const rowHeight = 28;
/** Letters typed within so many milliseconds are one beginning of a name. */
const typingTime = 800;

const columns: { key: SortKey; label: string }[] = [
  { key: "name", label: "Name" },
  { key: "size", label: "Size" },
  { key: "mode", label: "Mode" },
  { key: "owner", label: "Owner" },
  { key: "mtime", label: "Modified" },
];

export interface FileTableProps {
  label: string;
  /** In the order shown. */
  rows: readonly FileEntry[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  selected: string | undefined;
  onSelect: (name: string) => void;
  onOpen: (entry: FileEntry) => void;
  onUp: () => void;
  onDelete: (entry: FileEntry) => void;
  renaming: string | undefined;
  onRenaming: (name: string | undefined) => void;
  onRename: (entry: FileEntry, name: string) => void;
  menu: (entry: FileEntry | undefined) => MenuEntry[];
}

/** A directory's entries: virtual, so that a hundred thousand cost what thirty do. */
export function FileTable(props: FileTableProps) {
  const { label, rows, sort, onSort, selected, onSelect, onOpen, renaming, onRenaming } = props;
  const grid = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  // As in the list of containers: the compiler leaves this component alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => body.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.name ?? index,
    overscan: 12,
  });
  const at = selected === undefined ? -1 : rows.findIndex(({ name }) => name === selected);
  useEffect(() => {
    if (at >= 0) virtualizer.scrollToIndex(at, { align: "auto" });
  }, [virtualizer, at]);
  useFocusWhenFree(grid);
  const onKeyDown = useFileKeys(props, at, () =>
    Math.floor((body.current?.clientHeight ?? 0) / rowHeight),
  );
  const entryAt = (target: EventTarget): FileEntry | undefined => {
    if (!(target instanceof Element)) return undefined;
    const index = target.closest<HTMLElement>("[data-index]")?.dataset["index"];
    return index === undefined ? undefined : rows[Number(index)];
  };
  return (
    <div
      ref={grid}
      className="file-table"
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={at >= 0 ? `file-row-${at}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div className="file-table__head file-table__cells" role="row" aria-rowindex={1}>
        {columns.map(({ key, label }) => (
          <div
            key={key}
            role="columnheader"
            className={`file-table__${key}`}
            aria-sort={
              sort.key === key ? (sort.descending ? "descending" : "ascending") : undefined
            }
          >
            <button
              type="button"
              tabIndex={-1}
              onClick={() =>
                onSort({
                  key,
                  descending:
                    sort.key === key ? !sort.descending : key === "size" || key === "mtime",
                })
              }
            >
              {label}
              {sort.key === key && <Icon of={sort.descending ? ArrowDown : ArrowUp} size={12} />}
            </button>
          </div>
        ))}
        <span />
      </div>
      <ContextMenu entries={() => props.menu(rows[at])}>
        <div
          ref={body}
          className="file-table__body"
          role="presentation"
          onClick={(event) => {
            const entry = entryAt(event.target);
            if (entry) onSelect(entry.name);
          }}
          onDoubleClick={(event) => {
            const entry = entryAt(event.target);
            if (entry && entry.name !== renaming) onOpen(entry);
          }}
          onContextMenu={(event) => {
            const entry = entryAt(event.target);
            if (entry) onSelect(entry.name);
          }}
        >
          <div
            role="presentation"
            className="file-table__all"
            style={{ height: virtualizer.getTotalSize() }}
          >
            {virtualizer.getVirtualItems().map((item) => {
              const entry = rows[item.index];
              if (!entry) return null;
              return (
                <div
                  key={item.key}
                  role="presentation"
                  className="file-table__slot"
                  data-index={item.index}
                  style={{ transform: `translateY(${item.start}px)`, height: rowHeight }}
                >
                  <FileRow
                    entry={entry}
                    index={item.index}
                    selected={item.index === at}
                    renaming={entry.name === renaming}
                    onOpen={onOpen}
                    onRename={(name) => {
                      onRenaming(undefined);
                      grid.current?.focus();
                      if (name !== undefined && name !== entry.name) props.onRename(entry, name);
                    }}
                    menu={props.menu}
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

/** Takes the focus where nothing has it: what had it has gone, or a dialog as a whole was just opened. */
export function useFocusWhenFree(element: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const { activeElement, body } = document;
    const dialog =
      activeElement?.matches("[role=dialog]") && activeElement.contains(element.current);
    if (activeElement === body || dialog) element.current?.focus();
  }, [element]);
}

/** Moves, opens, renames and deletes as file managers do; letters go to a name that begins with them. */
function useFileKeys(
  props: FileTableProps,
  at: number,
  pageRows: () => number,
): (event: KeyboardEvent) => void {
  const typed = useRef({ text: "", time: 0 });
  const { rows, onSelect, onOpen, onUp, onDelete, onRenaming } = props;
  return (event) => {
    const { key, target } = event;
    if (target instanceof Element && target.closest("input, button, a")) return;
    if (event.ctrlKey || event.metaKey || (event.altKey && key !== "ArrowUp")) return;
    const steps: Record<string, number> = {
      ...{ ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 },
      ...{ PageDown: at + pageRows(), PageUp: at - pageRows() },
    };
    const current = rows[at];
    const to = event.altKey ? undefined : steps[key];
    if (key === "Backspace" || (event.altKey && key === "ArrowUp")) onUp();
    else if (to !== undefined) {
      const next = rows[Math.min(rows.length - 1, Math.max(0, to))];
      if (next) onSelect(next.name);
    } else if (key === "Enter" && current) onOpen(current);
    else if (key === "F2" && current) onRenaming(current.name);
    else if (key === "Delete" && current) onDelete(current);
    else if (key.length === 1 && key !== " " && key !== "/" && key !== "?") {
      const now = Date.now();
      const text = now - typed.current.time < typingTime ? typed.current.text + key : key;
      typed.current = { text, time: now };
      // One letter again and again goes through all that begin with it.
      const again = text.length > 1 && text.replaceAll(key, "") === "";
      const beginning = (again ? key : text).toLowerCase();
      const begins = ({ name }: FileEntry): boolean => name.toLowerCase().startsWith(beginning);
      const from = again || text.length === 1 ? at + 1 : Math.max(0, at);
      const found = rows.slice(from).find(begins) ?? rows.find(begins);
      if (found) onSelect(found.name);
    } else return;
    event.preventDefault();
    // `n` here is no new container.
    event.stopPropagation();
  };
}
