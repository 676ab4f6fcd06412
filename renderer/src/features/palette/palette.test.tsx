import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { openPalette, useOverlay } from "../../state/overlays.ts";
import { useLayout } from "../../state/layout.ts";
import { useSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeId } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open() {
  const user = userEvent.setup();
  const core = new FakeCore();
  renderWith(core, <Overlays />);
  openPalette();
  const input = await screen.findByRole("combobox");
  await waitFor(() => expect(screen.getByText("postgres")).toBeTruthy());
  const chosen = (): string | null | undefined =>
    document.getElementById(input.getAttribute("aria-activedescendant") ?? "")?.textContent;
  return { user, core, input, chosen };
}

it("opens a container by a few of its letters", async () => {
  const { user, chosen } = await open();
  await user.keyboard("ow");
  expect(chosen()).toContain("orders-worker");
  await user.keyboard("{Enter}");
  expect(useOverlay.getState().overlay).toBeUndefined();
  expect(useSelection.getState().inspected).toBe(fakeId(3));
});

it("does something to a container", async () => {
  const { user, core } = await open();
  await user.keyboard("stop postgres{Enter}");
  await waitFor(() => expect(core.containers.items.get(fakeId(1))?.state.status).toBe("exited"));
});

it("runs an image, and goes to where one pulls", async () => {
  const { user, core } = await open();
  const image = [...core.images.items.values()].find(({ names }) => names.includes("valkey:9"));
  await user.keyboard("run valkey{Enter}");
  expect(useOverlay.getState().overlay).toEqual({ kind: "create", imageId: image?.id });
  openPalette();
  await screen.findByRole("listbox");
  await user.keyboard("pull an image{Enter}");
  expect(useLayout.getState().page).toBe("images");
});

it("goes to a page, with arrows that go round", async () => {
  const { user, chosen } = await open();
  await user.keyboard("extensions");
  expect(chosen()).toBe("ExtensionsCtrl9");
  await user.keyboard("{Enter}");
  expect(useLayout.getState().page).toBe("extensions");
  openPalette();
  const list = await screen.findByRole("listbox");
  const all = within(list).getAllByRole("option").length;
  await user.keyboard("{ArrowUp}");
  expect(within(list).getAllByRole("option")[all - 1]?.getAttribute("aria-selected")).toBe("true");
  await user.keyboard("{ArrowDown}");
  expect(within(list).getAllByRole("option")[0]?.getAttribute("aria-selected")).toBe("true");
});

it("says when nothing matches, and closes with Escape", async () => {
  const { user } = await open();
  await user.keyboard("qqq");
  expect(screen.getByText("Nothing matches “qqq”")).toBeTruthy();
  await user.keyboard("{Escape}");
  expect(useOverlay.getState().overlay).toBeUndefined();
});
