import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useDock } from "../../state/dock.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { RemotesPage } from "./remotes-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const show = (): FakeCore => {
  const core = new FakeCore();
  renderWith(core, <RemotesPage />);
  return core;
};
const row = async (name: string) =>
  within((await screen.findByText(name)).closest("[role=row]") as HTMLElement);
const called = (core: FakeCore, method: string) =>
  core.calls.filter((call) => call.method === method);

it("shows who owns a namespace, and says what its owner makes of it before it is done", async () => {
  const core = show();
  const user = userEvent.setup();
  expect(await screen.findByText("Docker's")).toBeTruthy();
  await user.click((await row("c3c3c3c3c3c3")).getByRole("button", { name: /^Stop/ }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/restart policy/)).toBeTruthy();
  expect(called(core, "remotes.stop")).toEqual([]);
  await user.click(dialog.getByRole("button", { name: "Stop" }));
  await waitFor(async () =>
    expect((await row("c3c3c3c3c3c3")).getByText("Exited 137")).toBeTruthy(),
  );
});

it("offers deleting only where it was allowed, which asks first", async () => {
  const core = show();
  const user = userEvent.setup();
  expect((await row("d4d4d4d4d4d4")).queryByRole("button", { name: /^Delete/ })).toBeNull();
  const allow = screen.getAllByRole("switch", { name: "Allow deleting" })[0] as HTMLElement;
  await user.click(allow);
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Allow" }),
  );
  await waitFor(async () =>
    expect((await row("d4d4d4d4d4d4")).getByRole("button", { name: /^Delete/ })).toBeTruthy(),
  );
  await user.click((await row("buildkitd")).getByRole("button", { name: /^Delete/ }));
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Delete" }),
  );
  await waitFor(() => expect(screen.queryByText("buildkitd")).toBeNull());
  expect(called(core, "remotes.delete")).toHaveLength(1);
});

it("says why deleting was not allowed", async () => {
  const core = show();
  const user = userEvent.setup();
  core.failNext("remotes.allowDelete", {
    code: "INTERNAL",
    message: "The disk is full",
    details: {},
  });
  const [allow] = await screen.findAllByRole("switch", { name: "Allow deleting" });
  await user.click(allow as HTMLElement);
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Allow" }),
  );
  expect(await screen.findByText("The disk is full.")).toBeTruthy();
});

it("says that one is away, and keeps the reason of what failed on its row", async () => {
  const core = show();
  expect(await screen.findByText("Away")).toBeTruthy();
  expect(screen.getByRole("alert").textContent).toContain("Nobody answers");
  core.failNext("remotes.pause", { code: "INTERNAL", message: "It is frozen", details: {} });
  const user = userEvent.setup();
  await user.click((await row("c3c3c3c3c3c3")).getByRole("button", { name: /^Pause/ }));
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Pause" }),
  );
  expect(await (await row("c3c3c3c3c3c3")).findByText(/It is frozen/)).toBeTruthy();
});

it("opened, shows processes, use and the spec, and says who keeps its log", async () => {
  show();
  const user = userEvent.setup();
  const opened = await row("c3c3c3c3c3c3");
  await user.click(opened.getByRole("button", { name: /Details/ }));
  expect(await opened.findByText(/docker logs/)).toBeTruthy();
  await user.click(opened.getByRole("tab", { name: "Processes" }));
  expect(await opened.findByText("sleep 1000")).toBeTruthy();
  await user.click(opened.getByRole("tab", { name: "OCI spec" }));
  expect(await opened.findByText(/"ociVersion": "1.0.2"/)).toBeTruthy();
});

it("opens a terminal in the dock, by the container's name there", async () => {
  const core = show();
  const user = userEvent.setup();
  const opened = await row("c3c3c3c3c3c3");
  await user.click(opened.getByRole("button", { name: /Details/ }));
  await user.click(opened.getByRole("tab", { name: "Terminals" }));
  await user.click(await opened.findByRole("button", { name: "New terminal" }));
  await waitFor(() => expect(called(core, "terminals.exec")).toHaveLength(1));
  expect(called(core, "terminals.exec")[0]?.input).toMatchObject({
    containerId: `elsewhere-${"c3".repeat(16)}`,
  });
  expect(useDock.getState().open).toBe(true);
});

it("takes a checkpoint, which is listed and deleted, and says that none is restored from here", async () => {
  const core = show();
  const user = userEvent.setup();
  const opened = await row("c3c3c3c3c3c3");
  await user.click(opened.getByRole("button", { name: /Details/ }));
  await user.click(opened.getByRole("tab", { name: "Checkpoints" }));
  expect(opened.getByText(/restored from here/)).toBeTruthy();
  await user.click(opened.getByRole("button", { name: "Checkpoint…" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/health checks/)).toBeTruthy();
  const name = dialog.getByRole("textbox", { name: "Name" });
  await user.clear(name);
  await user.type(name, "first");
  await user.click(dialog.getByRole("button", { name: "Checkpoint" }));
  expect(await opened.findByText("first")).toBeTruthy();
  await user.click(opened.getByRole("button", { name: "Delete" }));
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Delete" }),
  );
  await waitFor(() => expect(opened.queryByText("first")).toBeNull());
  expect(called(core, "remotes.deleteCheckpoint")).toHaveLength(1);
});

it("shows a log that is kept here, and leaves Shimyard's own to their list", async () => {
  show();
  const user = userEvent.setup();
  const kept = await row("buildkitd");
  await user.click(kept.getByRole("button", { name: /Details/ }));
  await user.click(await kept.findByRole("button", { name: "Show" }));
  expect(useDock.getState().tabs).toContainEqual(
    expect.objectContaining({ kind: "logs", name: "buildkitd" }),
  );
  const own = await row("e5e5e5e5e5e5");
  expect(own.queryByRole("button", { name: /^(Stop|Kill|Pause)/ })).toBeNull();
});
