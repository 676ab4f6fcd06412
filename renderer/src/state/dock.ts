import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Terminal } from "#shared/contract/terminals";
import { count } from "../components/format.ts";
import { notify } from "../components/notices.ts";
import { shownManager } from "./manager.ts";

export interface TerminalTab {
  kind: "terminal";
  key: string;
  terminalId: string;
  containerId: string;
  /** Of those of its container, from 1; it keeps it when others are closed. */
  number: number;
  /** Given by the user. */
  label?: string | undefined;
}

export interface LogsTab {
  kind: "logs";
  key: string;
  containerIds: string[];
  /** Of a container elsewhere, which no list of ours names. */
  name?: string | undefined;
}

export interface BuildTab {
  kind: "build";
  key: string;
  buildId: string;
  /** Of the image that is to come of it. */
  name: string;
}

export type DockTab = TerminalTab | LogsTab | BuildTab;
export type DockPane = "left" | "right";

/** One strip of tabs; one or two of them are seen, side by side. */
export interface DockState {
  open: boolean;
  tabs: DockTab[];
  /** Keys of what each pane shows. `right` is absent while the dock is not split. */
  left?: string;
  right?: string;
  /** The pane that a tab opens in. */
  focused: DockPane;
  /** A tab was chosen since the window opened: before, no terminal takes the keyboard from the list. */
  chosen: boolean;
  /** The tabs were made to fit the core's terminals since the window opened. */
  synced: boolean;
}

const empty: DockState = {
  open: false,
  tabs: [],
  focused: "left",
  chosen: false,
  synced: false,
};

/** The dock as it was when the window was last open. Changed only through the functions of this file. */
export const useDock = create<DockState>()(
  persist(() => empty, {
    // Each manager has terminals and containers of its own.
    name: shownManager === "user" ? "shimyard.dock" : `shimyard.dock.${shownManager}`,
    version: 2,
    // Before, terminals had no numbers. Tabs come again with the core's terminals.
    migrate: () => empty,
    partialize: (state) => ({ ...state, chosen: false, synced: false }),
  }),
);

function change(update: (state: DockState) => Partial<DockState>): void {
  useDock.setState(update);
}

export function terminalKey(terminalId: string): string {
  return `terminal:${terminalId}`;
}

export function logsKey(containerIds: readonly string[]): string {
  return `logs:${[...containerIds].sort().join(",")}`;
}

export function setDockOpen(open: boolean): void {
  change(() => ({ open }));
}

export function toggleDock(): void {
  change(({ open }) => ({ open: !open }));
}

/** Shows a terminal, adding its tab if it has none. */
export function showTerminal(terminal: Pick<Terminal, "id" | "containerId">): void {
  change((state) => withTab(state, terminalTab(terminal, state.tabs)));
}

function terminalTab(
  { id, containerId }: Pick<Terminal, "id" | "containerId">,
  tabs: readonly DockTab[],
): TerminalTab {
  const taken = new Set(
    tabs.map((tab) => tab.kind === "terminal" && tab.containerId === containerId && tab.number),
  );
  let number = 1;
  while (taken.has(number)) number += 1;
  return { kind: "terminal", key: terminalKey(id), terminalId: id, containerId, number };
}

/** Gives a terminal a name of the user's; an empty one takes it back. */
export function nameTerminal(key: string, label: string): void {
  change(({ tabs }) => ({
    tabs: tabs.map((tab) =>
      tab.kind === "terminal" && tab.key === key
        ? { ...tab, label: label.trim() || undefined }
        : tab,
    ),
  }));
}

/** Each log that is read with others is a call that stays open: the core takes 256 of a window. */
export const mostLogs = 50;
export const tooManyLogs = `At most ${mostLogs} logs can be read together`;

/** Opens the logs of one container or of several together. `name` is for one elsewhere. */
export function openLogs(containerIds: readonly string[], name?: string): void {
  if (containerIds.length === 0) return;
  if (containerIds.length > mostLogs) {
    notify({ tone: "info", title: `${tooManyLogs}; ${count(containerIds.length)} were chosen` });
    return;
  }
  addTab({ kind: "logs", key: logsKey(containerIds), containerIds: [...containerIds], name });
}

/** Opens the log of a build. */
export function showBuild(buildId: string, name: string): void {
  addTab({ kind: "build", key: `build:${buildId}`, buildId, name });
}

function addTab(tab: DockTab): void {
  change((state) => withTab(state, tab));
}

function withTab(state: DockState, tab: DockTab): DockState {
  const known = state.tabs.some(({ key }) => key === tab.key);
  const tabs = known ? state.tabs : [...state.tabs, tab];
  return { ...show({ ...state, tabs }, tab.key), open: true };
}

/** Brings a tab to the front: where it is already seen, else in the focused pane. */
export function selectTab(key: string): void {
  change((state) => show(state, key));
}

function show(state: DockState, key: string): DockState {
  if (state.left === key) return { ...state, focused: "left", chosen: true };
  if (state.right === key) return { ...state, focused: "right", chosen: true };
  const pane = state.right === undefined ? "left" : state.focused;
  return { ...state, [pane]: key, focused: pane, chosen: true };
}

export function focusPane(pane: DockPane): void {
  change((state) => (pane === "right" && state.right === undefined ? {} : { focused: pane }));
}

/** Takes a tab away. What was next to it takes its place. */
export function removeTab(key: string): void {
  change((state) => without(state, (tab) => tab.key === key));
}

function without(state: DockState, gone: (tab: DockTab) => boolean): DockState {
  let next = state;
  for (const tab of state.tabs.filter(gone)) {
    const at = next.tabs.indexOf(tab);
    const tabs = next.tabs.filter((other) => other !== tab);
    next = { ...next, tabs };
    const other = (pane: DockPane): string | undefined => {
      const taken = pane === "left" ? next.right : next.left;
      const free = tabs.filter(({ key }) => key !== taken);
      // The one behind it, as editors do; else the one before.
      const behind = tabs.slice(at).find((candidate) => free.includes(candidate));
      return (behind ?? free.at(-1))?.key;
    };
    if (next.right === tab.key) next = { ...next, right: other("right") };
    if (next.left === tab.key) next = { ...next, left: other("left") };
    if (next.left === undefined) next = { ...next, left: next.right, right: undefined };
    if (next.right === undefined) next = { ...next, focused: "left" };
    if (tabs.length === 0) next = { ...next, open: false };
  }
  return next;
}

/** One pane, or two: the second then shows the next tab. Needs two tabs. */
export function toggleSplit(): void {
  change((state) => {
    if (state.right !== undefined) {
      const left = state.focused === "right" ? state.right : state.left;
      return { left, right: undefined, focused: "left" };
    }
    const at = state.tabs.findIndex(({ key }) => key === state.left);
    // In the order of their tabs: what is left in the strip is left below it.
    const next = state.tabs[at + 1];
    if (next) return { right: next.key, focused: "right" };
    const before = state.tabs[at - 1];
    return before ? { left: before.key, right: state.left, focused: "left" } : {};
  });
}

/** The next (1) or previous (-1) tab in the focused pane, round and round. */
export function cycleTab(step: 1 | -1): void {
  change((state) => {
    const pane = state.focused;
    const other = pane === "left" ? state.right : state.left;
    const tabs = state.tabs.filter(({ key }) => key !== other);
    if (tabs.length === 0) return {};
    const at = tabs.findIndex(({ key }) => key === state[pane]);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    return { [pane]: next?.key, chosen: true };
  });
}

export function moveTab(key: string, before: string | undefined): void {
  change((state) => {
    const tab = state.tabs.find((candidate) => candidate.key === key);
    if (!tab || key === before) return {};
    const tabs = state.tabs.filter((candidate) => candidate !== tab);
    const at = before === undefined ? -1 : tabs.findIndex((candidate) => candidate.key === before);
    tabs.splice(at < 0 ? tabs.length : at, 0, tab);
    return { tabs };
  });
}

/**
 * Makes the tabs fit what there is: every terminal has one, none is left of what is gone. A window that
 * finds a running terminal it does not remember was killed before Chromium wrote its storage, which it
 * does seconds late: the dock shows it, as it did then.
 */
export function syncTerminals(terminals: readonly Terminal[]): void {
  change((state) => {
    const ids = new Set(terminals.map(({ id }) => id));
    let next = without(state, (tab) => tab.kind === "terminal" && !ids.has(tab.terminalId));
    const known = new Set(next.tabs.map(({ key }) => key));
    const added: TerminalTab[] = [];
    const unknown = terminals.filter(({ id }) => !known.has(terminalKey(id)));
    for (const terminal of unknown.sort((a, b) => a.createdAt - b.createdAt)) {
      added.push(terminalTab(terminal, [...next.tabs, ...added]));
    }
    const synced = { ...next, tabs: [...next.tabs, ...added], synced: true };
    const running = new Set(
      terminals.filter((each) => each.status === "running").map(({ id }) => id),
    );
    const forgotten = added.findLast(({ terminalId }) => running.has(terminalId));
    if (!state.synced && forgotten) return { ...synced, open: true, left: forgotten.key };
    if (added.length === 0 && next === state) return { synced: true };
    return synced.left === undefined ? { ...synced, left: synced.tabs[0]?.key } : synced;
  });
}

/** Takes deleted containers out of the log tabs. */
export function forgetContainers(exists: (containerId: string) => boolean): void {
  change((state) => {
    const gone = (tab: DockTab): boolean => tab.kind === "logs" && !tab.containerIds.some(exists);
    return state.tabs.some(gone) ? without(state, gone) : {};
  });
}
