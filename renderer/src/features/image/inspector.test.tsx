import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useLayout } from "../../state/layout.ts";
import { useSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { ImageInspector } from "./inspector.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open(name: string) {
  const core = new FakeCore();
  const user = userEvent.setup();
  const image = [...core.images.items.values()].find(({ names }) => names.includes(name));
  if (!image) throw new Error(`The fake core has no image ${name}`);
  renderWith(core, <ImageInspector id={image.id} />);
  await screen.findByRole("heading", { name });
  const tab = (title: RegExp) => user.click(screen.getByRole("tab", { name: title }));
  return { core, user, image, tab };
}

it("shows its names, sizes and how it runs, and takes a name away", async () => {
  const { core, user, image } = await open("gateway:2.8.1");
  expect(screen.getByText(image.digest)).toBeTruthy();
  expect(screen.getByText("serve --port 8080")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Take gateway:stable away" }));
  await waitFor(() => expect(core.images.items.get(image.id)?.names).toEqual(["gateway:2.8.1"]));
});

it("shows each step beside its layer, and who has it too", async () => {
  const { image, tab } = await open("postgres:17");
  await tab(/^Layers/);
  const table = within(await screen.findByRole("table", { name: /History and layers/ }));
  const withFiles = table.getAllByRole("row").filter((row) => /compressed/.test(row.textContent));
  expect(withFiles).toHaveLength(image.layers);
  expect(withFiles[0]?.textContent).toContain("also in debian:13-slim");
  expect(table.getAllByText("no files").length).toBeGreaterThan(0);
});

it("shows config and manifest as JSON to be searched", async () => {
  const { user, tab } = await open("postgres:17");
  await tab(/^Config/);
  await user.type(await screen.findByLabelText("Search"), "architecture");
  expect(await screen.findByText("1 of 1")).toBeTruthy();
  await user.click(screen.getByRole("radio", { name: "Manifest" }));
  expect(await screen.findByText(/schemaVersion/)).toBeTruthy();
});

it("leads to the containers that use it", async () => {
  const { image, user, tab } = await open("postgres:17");
  await tab(/^Used by/);
  await user.click(await screen.findByRole("button", { name: "postgres" }));
  expect(useLayout.getState().page).toBe("containers");
  expect(useSelection.getState().inspected).toBe(image.usedBy[0]);
});
