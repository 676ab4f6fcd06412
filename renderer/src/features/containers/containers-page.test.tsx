import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { AppError } from "#shared/errors";
import { openLogs, useDock } from "../../state/dock.ts";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { useSelection } from "../../state/selection.ts";
import { useLayout } from "../../state/layout.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeContainers, fakeId, manyContainers } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";
import { ContainersPage } from "./containers-page.tsx";

// Roles are worked out from the whole tree, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

const names = fakeContainers()
  .map(({ name }) => name)
  .sort();

async function open(core = new FakeCore()) {
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <ContainersPage />
      <Overlays />
    </>,
  );
  await waitFor(() => expect(document.querySelector("[role=grid]")).not.toBeNull());
  /** What was done; what rows read of their load comes when it comes. */
  const methods = (): string[] =>
    core.calls.map(({ method }) => method).filter((method) => method !== "stats.history");
  return { user, core, methods };
}

const idOf = (name: string): string =>
  fakeContainers().find((each) => each.name === name)?.id ?? name;

function row(name: string): HTMLElement {
  return screen.getByText(name).closest("[role=row]") as HTMLElement;
}

function shown(): (string | undefined)[] {
  return [...document.querySelectorAll(".grid__row .containers__name")].map(
    (cell) => cell.textContent ?? undefined,
  );
}

it("acts on the row one is at when what is ticked is not shown", async () => {
  const { user } = await open();
  await user.click(screen.getByRole("checkbox", { name: "Select mailer" }));
  await user.type(screen.getByRole("textbox", { name: "Filter containers" }), "cache{Enter}");
  await user.keyboard("j{Delete}");
  expect(await screen.findByRole("dialog", { name: "Delete cache?" })).toBeTruthy();
});

it("lets no key reach the list below a dialog, though nothing in that has the focus", async () => {
  const { user, methods } = await open();
  act(() => openOverlay({ kind: "limits", id: idOf("cache") }));
  await screen.findByRole("dialog");
  useSelection.setState({ current: idOf("cache") });
  act(() => (document.activeElement as HTMLElement).blur());
  const before = methods().length;
  await user.keyboard("s");
  expect(methods().slice(before)).toEqual([]);
});

it("closes with Escape what is being edited in a dialog, then the dialog", async () => {
  const { user } = await open();
  act(() => openOverlay({ kind: "limits", id: idOf("cache") }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.click(dialog.getByRole("button", { name: "Change limits" }));
  await user.keyboard("64m{Escape}");
  expect(dialog.queryByLabelText("Memory")).toBeNull();
  expect(useOverlay.getState().overlay).toBeDefined();
  await user.click(dialog.getByRole("button", { name: "Change restarts" }));
  act(() => dialog.getByRole("button", { name: "Cancel" }).focus());
  await user.keyboard("{Escape}{Escape}");
  expect(useOverlay.getState().overlay).toBeUndefined();
});

describe("the list", () => {
  it("shows each container's state as a word, in order of names", async () => {
    await open();
    expect(shown()).toEqual(names);
    expect(within(row("mailer")).getByText("Exited 137")).toBeTruthy();
    expect(within(row("legacy-ftp")).getByText("Shim lost")).toBeTruthy();
    expect(within(row("sim-batch-07")).getByText("Checkpointing")).toBeTruthy();
    expect(within(row("broken-entry")).getByText("Failed")).toBeTruthy();
    expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe("14");
    expect(row("cache").getAttribute("aria-rowindex")).toBe(String(names.indexOf("cache") + 2));
  });

  it("draws a few of a thousand, and says how many there are", async () => {
    await open(new FakeCore({ containers: manyContainers(1000) }));
    expect(screen.getByRole("grid").getAttribute("aria-rowcount")).toBe("1001");
    expect(shown().length).toBeLessThan(60);
  });

  it("begins at its top again when it is narrowed or put in another order", async () => {
    const { user } = await open(new FakeCore({ containers: manyContainers(1000) }));
    const body = document.querySelector(".grid__body") as HTMLElement;
    body.scrollTop = 9000;
    await user.type(screen.getByLabelText("Filter containers"), "9");
    expect(body.scrollTop).toBe(0);
    body.scrollTop = 900;
    await user.click(screen.getByText("CPU"));
    expect(body.scrollTop).toBe(0);
  });

  it("reads the logs of some together, and says why not those of a thousand", async () => {
    const { user } = await open(new FakeCore({ containers: manyContainers(60) }));
    await user.click(screen.getByLabelText("Select all"));
    const logs = screen.getByRole("button", { name: "Logs" });
    expect(logs.getAttribute("aria-disabled")).toBe("true");
    act(() => openLogs(Array.from({ length: 51 }, (_, index) => fakeId(index))));
    expect(useDock.getState().tabs).toEqual([]);
  });

  it("follows what the core pushes", async () => {
    const { core } = await open();
    act(() =>
      core.containers.patch(fakeId(5), (container) => ({
        ...container,
        state: { status: "paused" },
      })),
    );
    await waitFor(() => expect(within(row("cache")).getByText("Paused")).toBeTruthy());
    act(() => core.containers.remove(fakeId(5)));
    await waitFor(() => expect(screen.queryByText("cache")).toBeNull());
  });

  it("keeps what it knows when the core breaks off, says so, and comes back", async () => {
    const { core } = await open();
    act(() => core.containers.break(new AppError("UNAVAILABLE", "The core went away")));
    await screen.findByText(/may be out of date/);
    expect(shown()).toEqual(names);
    await waitFor(() => expect(screen.queryByText(/may be out of date/)).toBeNull());
  });

  it("filters as one types, and by segment", async () => {
    const { user } = await open();
    await user.type(screen.getByLabelText("Filter containers"), "orders");
    expect(shown()).toEqual(["migrate-2026-11", "orders-worker"]);
    await user.click(screen.getByRole("radio", { name: /Running/ }));
    expect(shown()).toEqual(["orders-worker"]);
    await user.type(screen.getByLabelText("Filter containers"), "x");
    expect(screen.getByText("No container matches")).toBeTruthy();
    await user.click(screen.getByRole("button", { name: "Show all" }));
    expect(shown()).toEqual(names);
  });

  it("sorts by a column, and turns it round", async () => {
    const { user } = await open();
    await user.click(screen.getByRole("button", { name: "Name" }));
    expect(shown()).toEqual([...names].reverse());
    expect(screen.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort")).toBe(
      "descending",
    );
  });
});

describe("the keyboard", () => {
  it("moves, opens and goes away", async () => {
    const { user } = await open();
    await user.keyboard("jj");
    expect(row(names[1] as string).getAttribute("aria-selected")).toBe("true");
    await user.keyboard("k{End}");
    expect(row(names.at(-1) as string).getAttribute("aria-selected")).toBe("true");
    await user.keyboard("{Home}{Enter}");
    expect(useSelection.getState().inspected).toBe(useSelection.getState().current);
    await user.keyboard("{Shift>}{Enter}{/Shift}");
    expect(useLayout.getState().inspectorFull).toBe(true);
    await user.keyboard("{Escape}");
    expect(useSelection.getState().inspected).toBeUndefined();
    expect(useLayout.getState().inspectorFull).toBe(false);
  });

  it("ticks one, a range and all", async () => {
    const { user } = await open();
    const ticked = (): number => useSelection.getState().selected.size;
    await user.keyboard("jx");
    expect(ticked()).toBe(1);
    await user.keyboard("{Shift>}{ArrowDown}{ArrowDown}{/Shift}");
    expect(ticked()).toBe(3);
    expect(screen.getByRole("toolbar").textContent).toContain("3 containers");
    await user.keyboard("{Control>}a{/Control}");
    expect(ticked()).toBe(13);
    await user.keyboard("{Escape}");
    expect(ticked()).toBe(0);
  });

  it("stops and starts, pauses and resumes", async () => {
    const { user, methods } = await open();
    // api-gateway is the first, and runs.
    await user.keyboard("js");
    await waitFor(() => expect(within(row("api-gateway")).getByText("Exited 0")).toBeTruthy());
    await user.keyboard("s");
    await waitFor(() => expect(within(row("api-gateway")).getByText("Running")).toBeTruthy());
    await user.keyboard(" ");
    await waitFor(() => expect(within(row("api-gateway")).getByText("Paused")).toBeTruthy());
    await user.keyboard(" ");
    await waitFor(() => expect(within(row("api-gateway")).getByText("Running")).toBeTruthy());
    expect(methods()).toEqual([
      "containers.stop",
      "containers.start",
      "containers.pause",
      "containers.resume",
    ]);
  });
});

describe("the mouse", () => {
  it("chooses with a click, ticks with Ctrl, a range with Shift", async () => {
    const { user } = await open();
    await user.click(screen.getByText("cache"));
    expect(useSelection.getState()).toMatchObject({ current: fakeId(5), inspected: fakeId(5) });
    await user.keyboard("{Control>}");
    await user.click(screen.getByText("mailer"));
    await user.keyboard("{/Control}{Shift>}");
    await user.click(screen.getByText("ml-notebook"));
    await user.keyboard("{/Shift}");
    expect(useSelection.getState().selected.size).toBe(3);
  });

  it("has everything in a row's menu", async () => {
    const { user } = await open();
    await user.pointer({ keys: "[MouseRight]", target: screen.getByText("orders-worker") });
    const menu = await screen.findByRole("menu");
    const entries = within(menu)
      .getAllByRole("menuitem")
      .map((entry) => entry.querySelector(".menu__label")?.firstChild?.textContent);
    expect(entries).toEqual([
      "Stop",
      "Restart",
      "Pause",
      "Send a signal",
      "Open",
      "Open a terminal",
      "Attach",
      "Logs",
      "Files",
      "Checkpoint…",
      "Limits and restarts…",
      "Rename",
      "Edit…",
      "Duplicate…",
      "Make an image…",
      "Export its files…",
      "Export as a systemd unit or Quadlet…",
      "Copy id",
      "Show disk use",
      "Delete…",
    ]);
  });
});

describe("acting on many", () => {
  it("puts a failure on its row, and lets the others go on", async () => {
    const core = new FakeCore();
    core.failNext("containers.stop", {
      code: "DEADLINE_EXCEEDED",
      message: "It did not end within 10 s",
      details: { output: "runc kill: no such process" },
    });
    const { user } = await open(core);
    // api-gateway and cache; broken-entry between them is not running.
    await user.keyboard("jx{Shift>}{ArrowDown}{ArrowDown}{/Shift}s");
    const alert = await screen.findByRole("alert");
    expect(row("api-gateway").contains(alert)).toBe(true);
    expect(alert.textContent).toContain("Could not stop: It did not end within 10 s.");
    await waitFor(() => expect(within(row("cache")).getByText("Exited 0")).toBeTruthy());
    await user.click(within(alert).getByRole("button", { name: "Details" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "What it said" }));
    expect(within(dialog).getByText("runc kill: no such process")).toBeTruthy();
    await user.keyboard("{Escape}");
    await user.click(screen.getByRole("button", { name: "Dismiss the error of api-gateway" }));
    expect(screen.queryByRole("alert")).toBeNull();
  });

  it("asks once before deleting, names what is lost, and takes checkpoints and volumes if told", async () => {
    const { user, core } = await open();
    const worker = { containerId: fakeId(3), containerName: "orders-worker" };
    core.volumes.patch("b".repeat(64), (volume) => ({
      ...volume,
      usedBy: [{ ...worker, target: "/cache", readOnly: false }],
    }));
    await user.click(screen.getByText("orders-worker"));
    await user.keyboard("{Delete}");
    const dialog = await screen.findByRole("dialog", { name: "Delete orders-worker?" });
    expect(dialog.textContent).toContain("will be killed");
    expect(dialog.textContent).toContain("writable layer");
    await user.click(within(dialog).getByLabelText("Also delete its 4 checkpoints"));
    await user.click(within(dialog).getByLabelText("Also delete its 1 volume without a name"));
    await user.click(within(dialog).getByRole("button", { name: "Kill and delete" }));
    await waitFor(() => expect(core.containers.items.has(fakeId(3))).toBe(false));
    expect(core.calls.at(-1)).toEqual({
      method: "containers.delete",
      input: { id: fakeId(3), force: true, checkpoints: true, volumes: true },
    });
    expect(useOverlay.getState().overlay).toBeUndefined();
  });

  it("renames in place, and says while one types that a name is taken", async () => {
    const { user, core } = await open();
    await user.click(screen.getByText("cache"));
    await user.keyboard("{F2}");
    const field = screen.getByLabelText("New name of cache");
    await user.clear(field);
    await user.type(field, "mailer");
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBe("true"));
    await user.type(field, "-2");
    await waitFor(() => expect(field.getAttribute("aria-invalid")).toBeNull());
    await user.keyboard("{Enter}");
    await waitFor(() => expect(core.containers.items.get(fakeId(5))?.name).toBe("mailer-2"));
  });
});

it("says what is missing where nothing can run a container", async () => {
  const core = new FakeCore({ containers: [], images: [] });
  core.system.set({
    ...core.system.value,
    runtimes: [],
    prerequisites: core.system.value.prerequisites.map((each) =>
      each.name === "conmon" ? { ...each, required: true, status: "missing" } : each,
    ),
  });
  const user = userEvent.setup();
  renderWith(core, <ContainersPage />);
  await screen.findByText(/This machine lacks conmon/);
  expect(screen.queryByText(/starter image/)).toBeNull();
  await user.click(screen.getByRole("button", { name: "See how to install it" }));
  expect(useLayout.getState().page).toBe("system");
});

it("says what to do first when there is nothing", async () => {
  const core = new FakeCore({ containers: [] });
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <ContainersPage />
      <Overlays />
    </>,
  );
  await user.click(
    await screen.findByRole("button", { name: "Create one from the starter image" }),
  );
  expect(await screen.findByRole("dialog", { name: "New container" })).toBeTruthy();
  expect(core.images.items.size).toBe(1);
});
