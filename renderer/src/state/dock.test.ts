import type { Terminal } from "#shared/contract/terminals";
import { beforeEach, describe, expect, it } from "vitest";
import * as dock from "./dock.ts";

const terminal = (id: string, createdAt = 1): Terminal => ({
  id,
  containerId: "c1",
  kind: "exec",
  args: ["sh"],
  createdAt,
  status: "running",
});

const keys = (): string[] => dock.useDock.getState().tabs.map(({ key }) => key);

beforeEach(() => {
  dock.useDock.setState({
    open: false,
    tabs: [],
    left: undefined,
    right: undefined,
    focused: "left",
    chosen: false,
    synced: false,
  });
  localStorage.clear();
});

describe("dock", () => {
  it("opens a tab once, and opens itself", () => {
    dock.openLogs(["b", "a"]);
    dock.showTerminal(terminal("t1"));
    dock.openLogs(["a", "b"]);
    expect(keys()).toEqual(["logs:a,b", "terminal:t1"]);
    expect(dock.useDock.getState()).toMatchObject({ open: true, left: "logs:a,b" });
    dock.openLogs([]);
    expect(keys()).toHaveLength(2);
  });

  it("gives a closed tab's place to the one behind it, else the one before", () => {
    for (const id of ["a", "b", "c"]) dock.openLogs([id]);
    dock.selectTab("logs:b");
    dock.removeTab("logs:b");
    expect(dock.useDock.getState().left).toBe("logs:c");
    dock.removeTab("logs:c");
    expect(dock.useDock.getState().left).toBe("logs:a");
    dock.removeTab("logs:a");
    expect(dock.useDock.getState()).toMatchObject({ tabs: [], left: undefined });
  });

  it("shows two tabs side by side, never one twice", () => {
    for (const id of ["a", "b", "c"]) dock.openLogs([id]);
    dock.toggleSplit();
    expect(dock.useDock.getState()).toMatchObject({
      left: "logs:b",
      right: "logs:c",
      focused: "left",
    });
    dock.selectTab("logs:c");
    expect(dock.useDock.getState()).toMatchObject({
      left: "logs:b",
      right: "logs:c",
      focused: "right",
    });
    dock.selectTab("logs:a");
    expect(dock.useDock.getState()).toMatchObject({ left: "logs:b", right: "logs:a" });
    dock.cycleTab(1);
    expect(dock.useDock.getState()).toMatchObject({ left: "logs:b", right: "logs:c" });
    dock.removeTab("logs:b");
    expect(dock.useDock.getState()).toMatchObject({ left: "logs:a", right: "logs:c" });
    dock.removeTab("logs:c");
    expect(dock.useDock.getState()).toMatchObject({
      left: "logs:a",
      right: undefined,
      focused: "left",
    });
    dock.toggleSplit();
    expect(dock.useDock.getState().right).toBeUndefined();
  });

  it("keeps the focused pane when the split is taken away", () => {
    dock.openLogs(["a"]);
    dock.openLogs(["b"]);
    dock.toggleSplit();
    dock.toggleSplit();
    expect(dock.useDock.getState()).toMatchObject({
      left: "logs:a",
      right: undefined,
      focused: "left",
    });
  });

  it("shows every terminal there is again, in their order, and none that has gone", () => {
    dock.openLogs(["a"]);
    dock.showTerminal(terminal("gone"));
    dock.syncTerminals([terminal("gone")]);
    dock.syncTerminals([terminal("t2", 2), terminal("t1", 1)]);
    expect(keys()).toEqual(["logs:a", "terminal:t1", "terminal:t2"]);
    expect(dock.useDock.getState().left).toBe("logs:a");
    const before = dock.useDock.getState().tabs;
    dock.syncTerminals([terminal("t2", 2), terminal("t1", 1)]);
    expect(dock.useDock.getState().tabs).toBe(before);
  });

  it("shows a running terminal that a killed window had no time to remember, at its start only", () => {
    dock.openLogs(["a"]);
    dock.setDockOpen(false);
    dock.syncTerminals([terminal("t1"), { ...terminal("t2"), status: "exited" }]);
    expect(dock.useDock.getState()).toMatchObject({ open: true, left: "terminal:t1" });
    dock.setDockOpen(false);
    dock.syncTerminals([terminal("t1"), terminal("t3")]);
    expect(dock.useDock.getState()).toMatchObject({ open: false, left: "terminal:t1" });
  });

  it("leaves a closed dock closed over terminals that it remembers", () => {
    dock.showTerminal(terminal("t1"));
    dock.setDockOpen(false);
    dock.syncTerminals([terminal("t1")]);
    expect(dock.useDock.getState().open).toBe(false);
  });

  it("cycles round, and moves tabs", () => {
    for (const id of ["a", "b", "c"]) dock.openLogs([id]);
    dock.cycleTab(1);
    expect(dock.useDock.getState().left).toBe("logs:a");
    dock.cycleTab(-1);
    expect(dock.useDock.getState().left).toBe("logs:c");
    dock.moveTab("logs:c", "logs:a");
    expect(keys()).toEqual(["logs:c", "logs:a", "logs:b"]);
    dock.moveTab("logs:c", undefined);
    expect(keys()).toEqual(["logs:a", "logs:b", "logs:c"]);
  });

  it("forgets logs of containers that are all gone", () => {
    dock.openLogs(["a"]);
    dock.openLogs(["a", "b"]);
    dock.forgetContainers((id) => id === "b");
    expect(keys()).toEqual(["logs:a,b"]);
  });

  it("survives in local storage", () => {
    dock.openLogs(["a"]);
    expect(dock.useDock.getState().chosen).toBe(true);
    expect(localStorage.getItem("shimyard.dock")).not.toContain('"chosen":true');
    expect(JSON.parse(localStorage.getItem("shimyard.dock") ?? "null")).toMatchObject({
      state: { left: "logs:a", open: true },
    });
  });
});
