import { create } from "zustand";
import { goTo, useLayout } from "./layout.ts";

export interface SelectionState {
  /** The row that the keyboard is on. */
  current?: string | undefined;
  /** The rows that are ticked; actions then go to all of them. */
  selected: ReadonlySet<string>;
  /** Where a range begins. */
  anchor?: string | undefined;
  /** The container in the inspector. */
  inspected?: string | undefined;
}

const nobody: ReadonlySet<string> = new Set();

/** Which containers are meant. Changed only through the functions of this file. */
export const useSelection = create<SelectionState>(() => ({ selected: nobody }));

const change = (update: (state: SelectionState) => Partial<SelectionState>): void =>
  useSelection.setState(update);

/** Moves to a row; an inspector that is open follows. */
export function moveTo(id: string): void {
  change(({ inspected }) => ({
    current: id,
    anchor: id,
    ...(inspected === undefined ? {} : { inspected: id }),
  }));
}

/** A plain click: this row alone, and its page beside the list. */
export function choose(id: string): void {
  change(() => ({ current: id, anchor: id, inspected: id, selected: nobody }));
}

/** Ticks or unticks one row. */
export function toggle(id: string): void {
  change(({ selected }) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    return { current: id, anchor: id, selected: next };
  });
}

/** Ticks all rows from the anchor to this one, in the order shown. */
export function extendTo(id: string, shown: readonly string[]): void {
  change(({ selected, anchor, current }) => {
    const from = shown.indexOf(anchor ?? current ?? id);
    const to = shown.indexOf(id);
    if (to < 0) return {};
    const range = shown.slice(Math.min(from < 0 ? to : from, to), Math.max(from, to) + 1);
    return {
      current: id,
      anchor: anchor ?? current ?? id,
      selected: new Set([...selected, ...range]),
    };
  });
}

export function selectAll(shown: readonly string[]): void {
  change(() => ({ selected: new Set(shown) }));
}

export function clearSelection(): void {
  change(() => ({ selected: nobody }));
}

/** Opens a container's page beside the list, from wherever one is. */
export function inspect(id: string): void {
  goTo("containers");
  change(() => ({ current: id, anchor: id, inspected: id }));
}

export function closeInspector(): void {
  useLayout.setState({ inspectorFull: false });
  change(() => ({ inspected: undefined }));
}

/** Lets go of containers that no longer exist. */
export function forgetMissing(exists: (id: string) => boolean): void {
  change(({ current, selected, anchor, inspected }) => {
    const keep = (id: string | undefined): string | undefined =>
      id !== undefined && exists(id) ? id : undefined;
    const left = [...selected].filter(exists);
    return {
      current: keep(current),
      anchor: keep(anchor),
      inspected: keep(inspected),
      selected: left.length === selected.size ? selected : new Set(left),
    };
  });
}
