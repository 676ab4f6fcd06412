import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { Toaster } from "../../components/toast.tsx";
import { closeOverlay, openOverlay, useOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

/** A dialog that saves an image, and what lets that end. */
async function saving() {
  const core = new FakeCore();
  const user = userEvent.setup();
  const end = core.holdNext("images.save");
  renderWith(
    core,
    <>
      <Overlays />
      <Toaster bottom={0} />
    </>,
  );
  const [id = ""] = core.images.items.keys();
  act(() => openOverlay({ kind: "save", ids: [id] }));
  const dialog = within(await screen.findByRole("dialog", { name: /^Save/ }));
  await user.type(dialog.getByLabelText("Archive to write"), "/srv/a.tar");
  await user.click(dialog.getByRole("button", { name: "Save" }));
  return { core, user, end, dialog };
}

it("closes its dialog when it is done", async () => {
  const { end } = await saving();
  end();
  await waitFor(() => expect(useOverlay.getState().overlay).toBeUndefined());
  await screen.findAllByText(/saved to/);
});

it("lets be what was opened after its dialog was closed", async () => {
  const { user, end, dialog } = await saving();
  await user.click(await dialog.findByRole("button", { name: "Close, it goes on" }));
  act(() => openOverlay({ kind: "create-volume" }));
  const form = within(await screen.findByRole("dialog", { name: "New volume" }));
  await user.type(form.getByLabelText("Name"), "kept");
  end();
  await screen.findAllByText(/saved to/);
  expect(form.getByLabelText<HTMLInputElement>("Name").value).toBe("kept");
});

it("tells of a failure that no dialog shows any more", async () => {
  const { core, end } = await saving();
  core.failNext("images.save", {
    ...{ code: "RESOURCE_EXHAUSTED", message: "The disk is full", details: {} },
  });
  act(closeOverlay);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  end();
  expect((await screen.findByText("Nothing was saved")).closest("li")?.textContent).toContain(
    "The disk is full.",
  );
});
