import { type KeyboardEvent as ReactKeyboardEvent, useCallback, useEffect, useRef } from "react";
import { isDialogOpen } from "../../components/dialog.tsx";
import { toggleInspectorFull } from "../../state/layout.ts";
import type { RowSelection } from "../../state/row-selection.ts";

interface GridKeys {
  selection: RowSelection;
  /** The rows in the order shown. */
  ids: readonly string[];
  /** How many rows a page has. */
  pageRows: () => number;
  /** Scrolls a row into sight. */
  show: (id: string) => void;
  /**
   * The list's own keys: `meant` is what is ticked, else the row the keyboard is on; `first` is that row.
   * True when the key was one of them.
   */
  onKey: (key: string, meant: readonly string[], first: string) => boolean;
}

/**
 * A list's keys. They work on the grid, and also when nothing has the focus, as after a start, so
 * that one can begin to type at once.
 */
export function useGridKeys(grid: GridKeys): (event: ReactKeyboardEvent) => void {
  const latest = useRef(grid);
  useEffect(() => {
    latest.current = grid;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.target !== document.body || event.defaultPrevented || isDialogOpen()) return;
      handle(event, latest.current);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return useCallback((event: ReactKeyboardEvent) => {
    const { target, nativeEvent } = event;
    // A button or field within a row has its own keys.
    const own = target instanceof Element && target.closest("button, input, a");
    if (own && [" ", "Enter"].includes(event.key)) return;
    if (target instanceof HTMLInputElement) return;
    handle(nativeEvent, latest.current);
  }, []);
}

function handle(event: KeyboardEvent, grid: GridKeys): void {
  if (event.altKey || event.metaKey) return;
  const done = event.ctrlKey ? handleControl(event, grid) : handlePlain(event, grid);
  if (done) event.preventDefault();
}

function handleControl(event: KeyboardEvent, grid: GridKeys): boolean {
  if (event.key.toLowerCase() !== "a" || event.shiftKey) return false;
  grid.selection.selectAll(grid.ids);
  return true;
}

/** Where a key moves to, as an index that may be out of range; undefined for other keys. */
function target(event: KeyboardEvent, at: number, grid: GridKeys): number | undefined {
  switch (event.key) {
    case "ArrowDown":
    case "j":
    case "J":
      return at + 1;
    case "ArrowUp":
    case "k":
    case "K":
      return at < 0 ? 0 : at - 1;
    case "PageDown":
      return at + grid.pageRows();
    case "PageUp":
      return at - grid.pageRows();
    case "Home":
      return 0;
    case "End":
      return grid.ids.length - 1;
    default:
      return undefined;
  }
}

function handlePlain(event: KeyboardEvent, grid: GridKeys): boolean {
  const { ids, selection, onKey } = grid;
  const { current, selected, inspected } = selection.state;
  const at = current === undefined ? -1 : ids.indexOf(current);
  const to = target(event, at, grid);
  if (to !== undefined) {
    const id = ids[Math.min(ids.length - 1, Math.max(0, to))];
    if (id === undefined) return true;
    if (event.shiftKey) selection.extendTo(id, ids);
    else selection.moveTo(id);
    grid.show(id);
    return true;
  }
  if (event.key === "Escape") {
    if (selected.size > 0) selection.clear();
    else if (inspected !== undefined) selection.closeInspector();
    else return false;
    return true;
  }
  // What is ticked and not shown is not meant.
  const ticked = ids.filter((id) => selected.has(id));
  const meant = ticked.length > 0 ? ticked : at < 0 ? [] : [ids[at] as string];
  const first = at >= 0 ? (ids[at] as string) : meant[0];
  if (first === undefined) return false;
  switch (event.key) {
    case "x":
      selection.toggle(first);
      return true;
    case "Enter":
      if (event.shiftKey && inspected === first) toggleInspectorFull();
      else selection.choose(first);
      return true;
    default:
      return onKey(event.key, meant, first);
  }
}
