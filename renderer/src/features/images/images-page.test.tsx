import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Image } from "#shared/contract/images";
import { AppError } from "#shared/errors";
import { Toaster } from "../../components/toast.tsx";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { useImageSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeTransfers } from "../../testing/fake-images.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";
import { ImagesPage } from "./images-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function open(core = new FakeCore()) {
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <ImagesPage />
      <Overlays />
    </>,
  );
  await screen.findByRole("grid", { name: "Images" });
  return { user, core };
}

const named = (core: FakeCore, name: string): Image => {
  const image = [...core.images.items.values()].find(({ names }) => names.includes(name));
  if (!image) throw new Error(`The fake core has no image ${name}`);
  return image;
};
const row = (name: string): HTMLElement =>
  screen.getByRole("checkbox", { name: `Select ${name}` }).closest("[role=row]") as HTMLElement;
const called = (core: FakeCore, method: string): unknown[] =>
  core.calls.filter((call) => call.method === method).map(({ input }) => input);
const dialog = async () => within(await screen.findByRole("dialog"));

async function choose(
  user: ReturnType<typeof userEvent.setup>,
  name: string,
  entry: RegExp | string,
) {
  await user.pointer({
    keys: "[MouseRight]",
    target: within(row(name)).getAllByRole("gridcell")[1] as HTMLElement,
  });
  await user.click(await screen.findByRole("menuitem", { name: entry }));
}

it("completes a reference, pulls it, and offers to run what came", async () => {
  const { user, core } = await open();
  const box = screen.getByRole("combobox", { name: "Image to pull" });
  await user.type(box, "alpine:3");
  await user.click(await screen.findByRole("option", { name: /alpine\s*:3\.22/ }));
  expect((box as HTMLInputElement).value).toBe("alpine:3.22");
  await user.keyboard("{Enter}");
  await waitFor(() => expect(named(core, "alpine:3.22")).toBeTruthy());
  expect(called(core, "images.pull")).toEqual([{ reference: "alpine:3.22", platform: undefined }]);
  expect((box as HTMLInputElement).value).toBe("");
});

it("takes a suggestion by the keyboard alone", async () => {
  const { user, core } = await open();
  await user.type(screen.getByRole("combobox", { name: "Image to pull" }), "ngin");
  await screen.findByRole("option", { name: /nginx\s*:latest/ });
  await user.keyboard("{ArrowDown}{ArrowDown}{Enter}{Enter}");
  await waitFor(() => expect(called(core, "images.pull")).toHaveLength(1));
  expect(called(core, "images.pull")[0]).toMatchObject({ reference: "nginx:latest" });
});

it("asks the registry for platforms only when their menu opens, and pulls the chosen one", async () => {
  const { user, core } = await open();
  await user.type(screen.getByRole("combobox", { name: "Image to pull" }), "nginx");
  expect(called(core, "images.platforms")).toEqual([]);
  await user.click(screen.getByRole("button", { name: "For which platform" }));
  await user.click(await screen.findByRole("menuitem", { name: "linux/arm64/v8" }));
  await user.click(screen.getByRole("button", { name: "Pull" }));
  await waitFor(() =>
    expect(called(core, "images.pull")).toEqual([
      { reference: "nginx", platform: "linux/arm64/v8" },
    ]),
  );
});

it("keeps a pull that failed for want of signing in, signs in and pulls again", async () => {
  const core = new FakeCore();
  core.failNext("images.pull", {
    code: "UNAUTHENTICATED",
    message: "ghcr.io lets nobody pull a/b without signing in",
    details: { hint: "Sign in to it", output: '{"errors":[{"code":"UNAUTHORIZED"}]}' },
  });
  const { user } = await open(core);
  await user.type(
    screen.getByRole("combobox", { name: "Image to pull" }),
    "ghcr.io/a/b:1{Escape}{Enter}",
  );
  const alert = within(await screen.findByRole("alert"));
  await user.click(alert.getByRole("button", { name: "What it said" }));
  expect(alert.getByText(/UNAUTHORIZED/)).toBeTruthy();
  await user.click(alert.getByRole("button", { name: "Sign in…" }));
  const form = await dialog();
  await user.type(form.getByLabelText("User"), "mara");
  await user.type(form.getByLabelText("Password or access token"), "wrong");
  await user.click(form.getByRole("button", { name: "Sign in" }));
  expect(await form.findByText(/refuses mara/)).toBeTruthy();
  await user.clear(form.getByLabelText("Password or access token"));
  await user.type(form.getByLabelText("Password or access token"), "right{Enter}");
  await waitFor(() => expect(named(core, "ghcr.io/a/b:1")).toBeTruthy());
  expect(called(core, "images.pull")).toHaveLength(2);
  await waitFor(() => expect(screen.queryByRole("alert")).toBeNull());
});

it("shows every layer of a pull with its state in words, and cancels it", async () => {
  const core = new FakeCore({ transfers: fakeTransfers() });
  const { user } = await open(core);
  const list = within(await screen.findByRole("list", { name: "Pulls and pushes" }));
  await user.click(list.getByRole("button", { name: /^pytorch/ }));
  const words = ["Already there", "Done", "Unpacking", "Downloading", "Waiting"];
  for (const word of words) expect(list.getAllByText(word).length).toBeGreaterThan(0);
  await user.click(list.getByRole("button", { name: /^Cancel pytorch/ }));
  expect(called(core, "activity.cancel")).toEqual([{ id: "transfer-1" }]);
  await user.click(list.getByRole("button", { name: "Dismiss" }));
  await waitFor(() => expect(list.queryByRole("alert")).toBeNull());
});

it("says before a deletion what it frees, what stays, and who holds it", async () => {
  const { user, core } = await open();
  const free = named(core, "debian:13-slim");
  const used = named(core, "postgres:17");
  await user.click(screen.getByRole("checkbox", { name: "Select debian:13-slim" }));
  await user.click(screen.getByRole("checkbox", { name: "Select postgres:17" }));
  await user.keyboard("{Delete}");
  const form = await dialog();
  const stays = within(await form.findByRole("list", { name: "What stays" }));
  expect(stays.getByText(/container postgres/)).toBeTruthy();
  expect(within(form.getByRole("list", { name: "What goes" })).getByText(/debian/)).toBeTruthy();
  await user.click(form.getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(core.images.items.has(free.id)).toBe(false));
  expect(core.images.items.has(used.id)).toBe(true);
  expect(called(core, "images.delete")).toEqual([{ id: free.id }]);
});

it("does not delete what is all in use", async () => {
  const { user, core } = await open();
  await choose(user, "postgres:17", /^Delete/);
  const form = await dialog();
  await form.findByText(/container postgres/);
  const button = form.getByRole("button", { name: "Delete" });
  expect(button.getAttribute("aria-disabled")).toBe("true");
  await user.click(button);
  expect(called(core, "images.delete")).toEqual([]);
});

it("shows on the row why a deletion failed after all", async () => {
  const core = new FakeCore();
  core.failNext("images.delete", {
    code: "FAILED_PRECONDITION",
    message: "It is used by container late",
    details: {},
  });
  const { user } = await open(core);
  await choose(user, "debian:13-slim", /^Delete/);
  const form = await dialog();
  await form.findByRole("list", { name: "What goes" });
  await user.click(form.getByRole("button", { name: "Delete" }));
  expect((await within(row("debian:13-slim")).findByRole("alert")).textContent).toContain(
    "used by container late",
  );
});

it("prunes what its preview named", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "More for images" }));
  await user.click(await screen.findByRole("menuitem", { name: "Prune images…" }));
  const form = await dialog();
  await form.findByRole("button", { name: "Remove 1 image" });
  await user.click(form.getByRole("radio", { name: "All unused" }));
  await user.click(await form.findByRole("button", { name: "Remove 3 images" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect([...core.images.items.values()].every(({ usedBy }) => usedBy.length > 0)).toBe(true);
});

it("previews a pruning anew when images come and go meanwhile", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "More for images" }));
  await user.click(await screen.findByRole("menuitem", { name: "Prune images…" }));
  const form = await dialog();
  await form.findByRole("button", { name: "Remove 1 image" });
  core.images.put({ ...named(core, "postgres:17"), id: "f".repeat(64), names: [], usedBy: [] });
  await form.findByRole("button", { name: "Remove 2 images" });
});

it("tags, saying who loses the name, and takes a name away", async () => {
  const { user, core } = await open();
  await choose(user, "debian:13-slim", "Tag…");
  const form = await dialog();
  const field = form.getByLabelText("Name");
  await user.clear(field);
  await user.type(field, "postgres:17");
  expect(form.getByText(/another image’s name now/)).toBeTruthy();
  await user.clear(field);
  await user.type(field, "base:1{Enter}");
  await waitFor(() => expect(named(core, "base:1").names).toContain("debian:13-slim"));
  await user.click(within(row("base:1")).getAllByRole("gridcell")[2] as HTMLElement);
  expect(useImageSelection.getState().inspected).toBe(named(core, "base:1").id);
});

it("pushes under one of its names, and says as whom", async () => {
  const { user, core } = await open();
  await choose(user, "ghcr.io/atelier/very-long-project-name/service-frontend:2026.11.24", "Push…");
  const form = await dialog();
  expect(form.getByText(/as mara/).textContent).toContain("ghcr.io");
  await user.click(form.getByRole("button", { name: "Push" }));
  await waitFor(() =>
    expect(called(core, "images.push")).toEqual([
      { name: "ghcr.io/atelier/very-long-project-name/service-frontend:2026.11.24" },
    ]),
  );
});

it("saves by name, and says at the path that it is taken", async () => {
  const core = new FakeCore();
  core.failNext("images.save", {
    code: "ALREADY_EXISTS",
    message: "/srv/x.tar is there already",
    details: { field: "path" },
  });
  const { user } = await open(core);
  await choose(user, "debian:13-slim", "Save to an archive…");
  const form = await dialog();
  await user.type(form.getByLabelText("Archive to write"), "/srv/x.tar{Enter}");
  expect(await form.findByText("/srv/x.tar is there already")).toBeTruthy();
  await user.type(form.getByLabelText("Archive to write"), "2");
  await user.click(form.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(called(core, "images.save").at(-1)).toEqual({
    images: ["debian:13-slim", "debian:trixie-slim"],
    path: "/srv/x.tar2",
    format: "docker-archive",
  });
});

it("says why no path could be picked", async () => {
  const core = new FakeCore();
  core.shell.shell.host = () => ({ shell: "electron", pickPath: true });
  core.shell.shell.pickPath = () => {
    throw new AppError("INTERNAL", "There is no portal");
  };
  renderWith(
    core,
    <>
      <Overlays />
      <Toaster bottom={0} />
    </>,
  );
  act(() => openOverlay({ kind: "import", source: "archive" }));
  await userEvent.setup().click(await screen.findByRole("button", { name: "Choose…" }));
  expect(await screen.findByText("There is no portal.")).toBeTruthy();
});

it("loads all images of an archive", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("button", { name: "More for images" }));
  await user.click(await screen.findByRole("menuitem", { name: "Load or import…" }));
  const form = await dialog();
  await user.type(form.getByLabelText("Archive"), "/srv/two.tar{Enter}");
  await waitFor(() => expect(named(core, "loaded:2")).toBeTruthy());
  expect(called(core, "images.load")).toEqual([{ path: "/srv/two.tar" }]);
});

it("filters by words and segments, and runs from the keyboard", async () => {
  const { user, core } = await open();
  await user.click(screen.getByRole("radio", { name: /^Unused/ }));
  await user.type(screen.getByRole("textbox", { name: "Filter images" }), "debian trixie{Enter}");
  await waitFor(() => expect(screen.getAllByRole("row")).toHaveLength(2));
  await user.keyboard("jr");
  expect(useOverlay.getState().overlay).toEqual({
    kind: "create",
    imageId: named(core, "debian:13-slim").id,
  });
});

it("says first what to do on a machine without images", async () => {
  const core = new FakeCore({ containers: [], images: [] });
  const user = userEvent.setup();
  renderWith(core, <ImagesPage />);
  await user.click(await screen.findByRole("button", { name: "Make the starter image" }));
  await screen.findByRole("checkbox", { name: "Select busybox:host" });
});
