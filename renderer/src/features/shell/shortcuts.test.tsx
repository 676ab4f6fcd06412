import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useLayout } from "../../state/layout.ts";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "./overlays.tsx";
import { useShortcuts } from "./shortcuts.ts";

vi.setConfig({ testTimeout: 30_000 });

function Subject() {
  useShortcuts();
  return <Overlays />;
}

it("opens the palette, and goes from page to page", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore(), <Subject />);
  await user.keyboard("{Control>}3{/Control}");
  expect(useLayout.getState().page).toBe("images");
  await user.keyboard("{Control>}k{/Control}");
  expect(await screen.findByRole("dialog", { name: "Search or run a command" })).toBeTruthy();
});

it("puts nothing in the place of a form that is being filled in", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore(), <Subject />);
  act(() => openOverlay({ kind: "create-volume" }));
  const form = within(await screen.findByRole("dialog"));
  await user.type(form.getByLabelText("Name"), "typed");
  await user.keyboard("{Control>}k{/Control}{Control>}3{/Control}");
  act(() => (document.activeElement as HTMLElement).blur());
  await user.keyboard("n?/");
  expect(useOverlay.getState().overlay).toEqual({ kind: "create-volume" });
  expect(useLayout.getState().page).toBe("containers");
  expect(form.getByLabelText<HTMLInputElement>("Name").value).toBe("typed");
});
