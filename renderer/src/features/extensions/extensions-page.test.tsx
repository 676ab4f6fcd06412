import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { ActionDialog } from "./action-dialog.tsx";
import { ExtensionsPage } from "./extensions-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const card = async (name: string) => within(await screen.findByRole("article", { name }));
const calls = (core: FakeCore, method: string) =>
  core.calls.filter((call) => call.method === method).map(({ input }) => input);

it("installs one that comes with it, with only what the user allows", async () => {
  const core = new FakeCore({ extensions: [] });
  const user = userEvent.setup();
  renderWith(core, <ExtensionsPage />);
  await user.click((await card("Disk use")).getByRole("button", { name: "Install…" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/without network/)).toBeTruthy();
  await user.click(dialog.getByRole("checkbox", { name: /how much disk/ }));
  await user.click(dialog.getByRole("button", { name: "Install" }));
  expect(await (await card("Disk use")).findByText("Running")).toBeTruthy();
  expect(calls(core, "extensions.install")).toMatchObject([
    { digest: "d", grants: ["containers.list"], enable: true },
  ]);
});

it("says what is wrong with a path that holds none", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore({ extensions: [] }), <ExtensionsPage />);
  await screen.findByRole("article", { name: "Disk use" });
  await user.click(screen.getAllByRole("button", { name: "Install…" })[0] as HTMLElement);
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText("Directory or archive"), "/etc{Enter}");
  expect(await dialog.findByText(/There is no extension.json in \/etc/)).toBeTruthy();
});

it("shows why one does not run, disables it, takes a permission back, and removes what was confirmed", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <ExtensionsPage />);
  const nightly = await card("Nightly restarts");
  expect(nightly.getByText("Starts again")).toBeTruthy();
  expect(nightly.getByText(/Started again 3 times, last ended with status 3/)).toBeTruthy();
  expect(nightly.getByRole("alert").textContent).toContain("could not be started");
  const open = nightly.getByRole("button", { name: "Open its panel" });
  expect(open.getAttribute("aria-disabled")).toBe("true");
  await user.click(nightly.getByRole("switch"));
  expect(await nightly.findByText("Disabled")).toBeTruthy();
  await user.click(nightly.getByRole("button", { name: /What it may do/ }));
  await user.click(nightly.getByRole("checkbox", { name: /See containers/ }));
  expect(calls(core, "extensions.setGrants")).toEqual([{ id: "nightly", grants: [] }]);
  await user.click(nightly.getByRole("button", { name: "Remove Nightly restarts" }));
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Remove" }),
  );
  await waitFor(() =>
    expect(screen.queryByRole("article", { name: "Nightly restarts" })).toBeNull(),
  );
});

it("a panel's frame may run scripts and nothing else", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore(), <ExtensionsPage />);
  await user.click((await card("Disk use")).getByRole("button", { name: "Open its panel" }));
  const frame = await screen.findByTitle("Disk use");
  expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
  await user.click(screen.getByRole("button", { name: "All extensions" }));
  expect(await screen.findByRole("article", { name: "Disk use" })).toBeTruthy();
});

it("runs an action for a container and shows what it said", async () => {
  const core = new FakeCore();
  const containerId = [...core.containers.items.keys()][0] ?? "";
  renderWith(core, <ActionDialog id="disk-use" action="show" containerId={containerId} />);
  expect(await screen.findByText(/files written/)).toBeTruthy();
  expect(calls(core, "extensions.runAction")).toEqual([
    { id: "disk-use", action: "show", containerId },
  ]);
});
