import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useLayout } from "../../state/layout.ts";
import { useSelection, volumeRows } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";
import { VolumeInspector } from "./volume-inspector.tsx";
import { VolumesPage } from "./volumes-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open(core = new FakeCore()) {
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <VolumesPage />
      <Overlays />
    </>,
  );
  await screen.findByRole("grid", { name: "Volumes" });
  return { user, core };
}

const row = (name: string): HTMLElement =>
  screen.getByRole("checkbox", { name: `Select ${name}` }).closest("[role=row]") as HTMLElement;
const called = (core: FakeCore, method: string): unknown[] =>
  core.calls.filter((call) => call.method === method).map(({ input }) => input);
const dialog = async () => within(await screen.findByRole("dialog"));
type User = ReturnType<typeof userEvent.setup>;

async function choose(user: User, name: string, entry: RegExp | string) {
  const target = within(row(name)).getAllByRole("gridcell")[1] as HTMLElement;
  await user.pointer({ keys: "[MouseRight]", target });
  await user.click(await screen.findByRole("menuitem", { name: entry }));
}

it("shows what each takes, and leads to who has it", async () => {
  const { user, core } = await open();
  const [first] = core.containers.items.values();
  if (!first) throw new Error("The fake core has no container");
  await within(row("shop-data")).findByText("4.0");
  await user.click(within(row("shop-data")).getByRole("button", { name: first.name }));
  expect(useLayout.getState().page).toBe("containers");
  expect(useSelection.getState().inspected).toBe(first.id);
});

it("narrows by words and by who uses it", async () => {
  const { user } = await open();
  await user.type(screen.getByRole("textbox", { name: "Filter volumes" }), "team=ops");
  await waitFor(() => expect(screen.queryByText("shop-data")).toBeNull());
  expect(screen.getByText("old-backups")).toBeTruthy();
  await user.click(screen.getByRole("radio", { name: /In use/ }));
  await user.click(await screen.findByRole("button", { name: "Show all" }));
  await screen.findByText("shop-data");
});

it("makes one with a name and labels, and says at its field that the name is taken", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "New volume" }));
  const form = await dialog();
  await user.type(form.getByRole("textbox", { name: "Name" }), "shop-data");
  await user.type(form.getByRole("textbox", { name: "Labels" }), "a=b c");
  await user.click(form.getByRole("button", { name: "Create" }));
  await form.findByText(/already/);
  await user.type(form.getByRole("textbox", { name: "Name" }), "2");
  await user.click(form.getByRole("button", { name: "Create" }));
  await waitFor(() => expect(core.volumes.items.has("shop-data2")).toBe(true));
  expect(called(core, "volumes.create").at(-1)).toEqual({
    name: "shop-data2",
    labels: { a: "b", c: "" },
  });
  expect(volumeRows.state.inspected).toBe("shop-data2");
});

it("deletes only what no container has, of several that are ticked", async () => {
  const { user, core } = await open();
  for (const name of ["shop-data", "old-backups"]) {
    await user.click(screen.getByRole("checkbox", { name: `Select ${name}` }));
  }
  const bar = within(screen.getByRole("toolbar", { name: /selected volumes/ }));
  await user.click(bar.getByRole("button", { name: /Delete/ }));
  const asked = await dialog();
  expect(
    within(asked.getByRole("list", { name: "What stays" })).getByText("shop-data"),
  ).toBeTruthy();
  await user.click(asked.getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(called(core, "volumes.delete")).toEqual([{ id: "old-backups" }]));
});

it("says what pruning would free before it does", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "More for volumes" }));
  await user.click(await screen.findByRole("menuitem", { name: /Prune/ }));
  const asked = await dialog();
  expect(
    within(await asked.findByRole("list", { name: "What goes" })).getByText("b".repeat(12)),
  ).toBeTruthy();
  expect(asked.queryByText("old-backups")).toBeNull();
  await user.click(asked.getByRole("radio", { name: "All unused" }));
  await asked.findByText("old-backups");
  await user.click(asked.getByRole("button", { name: "Remove 2 volumes" }));
  await waitFor(() => expect(core.volumes.items.size).toBe(2));
});

it("previews a pruning anew when volumes come and go meanwhile", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "More for volumes" }));
  await user.click(await screen.findByRole("menuitem", { name: /Prune/ }));
  const asked = await dialog();
  await asked.findByRole("button", { name: "Remove 1 volume" });
  core.volumes.patch("b".repeat(64), (volume) => ({ ...volume, anonymous: false }));
  await asked.findByText("There is no volume without a name that nothing uses.");
});

it("says nothing of a size that is not known", async () => {
  const core = new FakeCore();
  core.holdNext("volumes.diskUse");
  const { user } = await open(core);
  await choose(user, "old-backups", "Delete…");
  const asked = await dialog();
  expect(asked.getByText(/Lost for good/).textContent).toBe(
    "Lost for good: all that is in it. No container has it.",
  );
});

it("backs up with a word on who writes meanwhile, and restores in place of what is there", async () => {
  const { user, core } = await open();
  await choose(user, "shop-data", /Back up/);
  const backUp = await dialog();
  await backUp.findByText(/may write to it meanwhile/);
  await user.type(backUp.getByRole("textbox", { name: "Tar to write" }), "/srv/shop.tar");
  await user.click(backUp.getByRole("button", { name: "Back up" }));
  await waitFor(() =>
    expect(called(core, "volumes.backUp")).toEqual([{ id: "shop-data", path: "/srv/shop.tar" }]),
  );
  await choose(user, "old-backups", /Restore/);
  const restore = await dialog();
  await restore.findByText(/All that is in old-backups now goes/);
  await user.type(restore.getByRole("textbox", { name: "Tar to restore" }), "/srv/shop.tar");
  await user.click(restore.getByRole("button", { name: "Restore" }));
  await waitFor(() =>
    expect(called(core, "volumes.restore")).toEqual([{ id: "old-backups", path: "/srv/shop.tar" }]),
  );
});

it("opens beside the list, with who has it and its files", async () => {
  renderWith(new FakeCore(), <VolumeInspector id="shop-data" />);
  expect(await screen.findByRole("heading", { name: "shop-data" })).toBeTruthy();
  expect(screen.getByText("/var/lib/data")).toBeTruthy();
  expect((await screen.findAllByRole("grid")).length).toBeGreaterThan(0);
});

it("tells what a volume is for when there is none", async () => {
  renderWith(new FakeCore({ volumes: [] }), <VolumesPage />);
  expect(await screen.findByText("No volumes yet")).toBeTruthy();
});
