import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { openOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeId } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

const last = (core: FakeCore, method: string): unknown =>
  core.calls.findLast((call) => call.method === method)?.input;

it("makes an image of a running container, paused meanwhile unless told otherwise", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "commit", containerId: fakeId(3) });
  const form = within(await screen.findByRole("dialog"));
  const name = form.getByLabelText("Name");
  await waitFor(() => expect(form.getByRole("checkbox")).toBeTruthy());
  await user.clear(name);
  await user.type(name, "orders:fixed");
  await user.type(form.getByLabelText("Comment"), "with the fix");
  await user.click(form.getByRole("button", { name: "Make the image" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(last(core, "images.commit")).toEqual({
    containerId: fakeId(3),
    name: "orders:fixed",
    comment: "with the fix",
    author: undefined,
    pause: true,
  });
});

it("exports a container's files, and says when the path is taken", async () => {
  const core = new FakeCore();
  core.failNext("images.exportContainer", {
    code: "ALREADY_EXISTS",
    message: "/srv/a.tar is there already",
    details: { field: "path" },
  });
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "export", containerId: fakeId(3) });
  const form = within(await screen.findByRole("dialog"));
  const path = form.getByLabelText("Tar to write");
  await user.type(path, "/srv/a.tar{Enter}");
  expect(await form.findByText("/srv/a.tar is there already")).toBeTruthy();
  await user.clear(path);
  await user.type(path, "/srv/b.tar{Enter}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(last(core, "images.exportContainer")).toEqual({
    containerId: fakeId(3),
    path: "/srv/b.tar",
  });
});
