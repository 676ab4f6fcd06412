import { create, type StoreApi, type UseBoundStore } from "zustand";
import { useLayout } from "./layout.ts";

export interface SelectionState {
  /** The row that the keyboard is on. */
  current?: string | undefined;
  /** The rows that are ticked; actions then go to all of them. */
  selected: ReadonlySet<string>;
  /** Where a range begins. */
  anchor?: string | undefined;
  /** The row whose page is in the inspector. */
  inspected?: string | undefined;
}

const nobody: ReadonlySet<string> = new Set();

/** Which rows of one list are meant. */
export class RowSelection {
  /** Changed only through the methods of this class. */
  readonly use: UseBoundStore<StoreApi<SelectionState>> = create<SelectionState>(() => ({
    selected: nobody,
  }));

  get state(): SelectionState {
    return this.use.getState();
  }

  /** Moves to a row; an inspector that is open follows. */
  moveTo(id: string): void {
    this.#change(({ inspected }) => ({
      current: id,
      anchor: id,
      ...(inspected === undefined ? {} : { inspected: id }),
    }));
  }

  /** A plain click: this row alone, and its page beside the list. */
  choose(id: string): void {
    this.#change(() => ({ current: id, anchor: id, inspected: id, selected: nobody }));
  }

  /** Ticks or unticks one row. */
  toggle(id: string): void {
    this.#change(({ selected }) => {
      const next = new Set(selected);
      if (!next.delete(id)) next.add(id);
      return { current: id, anchor: id, selected: next };
    });
  }

  /** Ticks all rows from the anchor to this one, in the order shown. */
  extendTo(id: string, shown: readonly string[]): void {
    this.#change(({ selected, anchor, current }) => {
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

  selectAll(shown: readonly string[]): void {
    this.#change(() => ({ selected: new Set(shown) }));
  }

  clear(): void {
    this.#change(() => ({ selected: nobody }));
  }

  /** A right click: the row under it, with all that are ticked if it is one of them. */
  pointAt(id: string): void {
    this.#change(({ selected }) => ({
      current: id,
      anchor: id,
      ...(selected.has(id) ? {} : { selected: nobody }),
    }));
  }

  /** Opens a row's page; what is ticked stays. */
  inspect(id: string): void {
    this.#change(() => ({ current: id, anchor: id, inspected: id }));
  }

  closeInspector(): void {
    useLayout.setState({ inspectorFull: false });
    this.#change(() => ({ inspected: undefined }));
  }

  /** Lets go of rows that no longer exist. */
  forgetMissing(exists: (id: string) => boolean): void {
    this.#change(({ current, selected, anchor, inspected }) => {
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

  #change(update: (state: SelectionState) => Partial<SelectionState>): void {
    this.use.setState(update);
  }
}
