import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { ImagesPage } from "./images-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open(core = new FakeCore()) {
  const user = userEvent.setup();
  renderWith(core, <ImagesPage />);
  const [image] = core.images.items.values();
  if (!image) throw new Error("The fake core has no image");
  const row = within((await screen.findByText(image.name)).closest("[role=row]") as HTMLElement);
  return { user, core, image, row };
}

it("begins a container from the image one chose", async () => {
  const { user, image, row } = await open();
  await user.click(row.getByRole("button", { name: `Run ${image.name}` }));
  expect(useOverlay.getState().overlay).toEqual({ kind: "create", imageId: image.id });
});

it("renames in place, and says at the row why a name was refused", async () => {
  const { user, core, image, row } = await open();
  core.failNext("images.rename", {
    code: "ALREADY_EXISTS",
    message: "“taken:1” is another image's name",
    details: {},
  });
  await user.click(row.getByRole("button", { name: `More for ${image.name}` }));
  await user.click(await screen.findByRole("menuitem", { name: "Rename" }));
  const field = await screen.findByRole("textbox", { name: `New name of ${image.name}` });
  await user.clear(field);
  await user.type(field, "taken:1{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("another image's name");
  expect(core.images.items.get(image.id)?.name).toBe(image.name);
});

it("does not offer to delete what containers use, and names them", async () => {
  const { user, core } = await open();
  const used = [...core.images.items.values()].find(({ usedBy }) => usedBy.length > 0);
  if (!used) throw new Error("The fake core has no image in use");
  await user.click(screen.getByRole("button", { name: `More for ${used.name}` }));
  const item = await screen.findByRole("menuitem", { name: /Delete/ });
  expect(item.getAttribute("aria-disabled")).toBe("true");
  const container = core.containers.items.get(used.usedBy[0] ?? "");
  await waitFor(() => expect(item.textContent).toContain(container?.name));
});
