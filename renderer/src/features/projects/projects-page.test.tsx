import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { inspectProject, useProjectSelection } from "../../state/selection.ts";
import { Overlays } from "../shell/overlays.tsx";
import { ProjectsPage } from "./projects-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const row = async (name: string) =>
  within(await screen.findByRole("row", { name: new RegExp(`\\b${name}\\b`) }));
const lastCall = (core: FakeCore, method: string): unknown =>
  core.calls.filter((call) => call.method === method).at(-1)?.input;

it("lists projects with their state, and opens one", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore(), <ProjectsPage />);
  expect((await row("shop")).getByText("Running")).toBeTruthy();
  expect((await row("shop")).getByText("2 of 2")).toBeTruthy();
  expect((await row("blog")).getByText("Not up")).toBeTruthy();
  await user.type(screen.getByLabelText("Filter projects"), "ghost");
  await waitFor(() => expect(screen.queryByRole("row", { name: /shop/ })).toBeNull());
  await user.click((await row("blog")).getByText("Not up"));
  expect(await screen.findByRole("heading", { name: "blog" })).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "All projects" }));
  await row("shop");
});

it("does to several what each of them can be done", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <ProjectsPage />);
  await row("shop");
  for (const box of screen.getAllByRole("checkbox", { name: /^Select (?!all)/ })) {
    await user.click(box);
  }
  const imported = [...core.projects.items.values()]
    .filter((one) => one.imported && !one.activity)
    .sort((a, b) => a.id.localeCompare(b.id));
  await user.pointer({ keys: "[MouseRight]", target: screen.getByText("shop") });
  const name = `Bring up ${imported.length} project${imported.length === 1 ? "" : "s"}`;
  await user.click(await screen.findByRole("menuitem", { name }));
  const up = core.calls.filter(({ method }) => method === "projects.up");
  expect(up.map(({ input }) => input)).toEqual(imported.map(({ id }) => ({ id })));
});

it("does things to a project and to one of its services", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <ProjectsPage />);
  await row("shop");
  inspectProject("shop");
  const services = within(await screen.findByRole("table", { name: "Services of shop" }));
  await user.click(services.getByRole("button", { name: "Restart db" }));
  expect(lastCall(core, "projects.restart")).toEqual({ id: "shop", services: ["db"] });
  await user.click(screen.getByRole("button", { name: "Bring down…" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.click(dialog.getByLabelText(/volumes/));
  await user.click(dialog.getByRole("button", { name: "Bring down" }));
  expect(lastCall(core, "projects.down")).toEqual({ id: "shop", volumes: true });
});

it("shows how far each service has come, and cancels", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <ProjectsPage />);
  await row("shop");
  inspectProject("shop");
  core.projects.patch("shop", (project) => ({
    ...project,
    ...{ activity: "up", operationId: "op1" },
    services: project.services.map((service) => ({
      ...service,
      step:
        service.name === "web"
          ? { state: "working", detail: "Waiting until db is healthy" }
          : {
              state: "failed",
              error: { code: "NOT_FOUND", message: "There is no such image", details: {} },
            },
    })),
  }));
  expect(await screen.findByText("Waiting until db is healthy")).toBeTruthy();
  expect((await screen.findByRole("alert")).textContent).toContain("There is no such image");
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(lastCall(core, "activity.cancel")).toEqual({ id: "op1" });
});

it("shows the compose file with what is said of its lines", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore(), <ProjectsPage />);
  await row("shop");
  inspectProject("shop");
  await user.click(await screen.findByRole("tab", { name: "Compose file" }));
  const file = within(await screen.findByRole("region", { name: "compose.yaml" }));
  const noted = file.getByText(/How readily it is swapped out/).closest("li");
  expect(noted?.textContent).toMatch(/^5 {4}mem_swappiness: 10/);
  const notes = within(screen.getByRole("list", { name: "Notes on the compose file" }));
  expect(notes.getAllByRole("listitem")).toHaveLength(2);
});

it("says what of a pasted file can't be had before it imports it, and then starts it", async () => {
  const core = new FakeCore({ projects: [] });
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <ProjectsPage />
      <Overlays />
    </>,
  );
  await user.click(await screen.findByRole("button", { name: "Import a compose file" }));
  const dialog = within(await screen.findByRole("dialog"));
  const start = () => dialog.getByRole("button", { name: "Import and bring up" });
  expect(start().getAttribute("aria-disabled")).toBe("true");
  const text = dialog.getByLabelText("compose.yaml");
  fireEvent.change(text, { target: { value: "nothing of the kind" } });
  expect(await dialog.findByText(/begins with keys/)).toBeTruthy();
  expect(start().getAttribute("aria-disabled")).toBe("true");
  fireEvent.change(text, { target: { value: "name: shop\nservices:\n  web: {}" } });
  expect(await dialog.findByText(/How readily it is swapped out/)).toBeTruthy();
  expect(dialog.getByRole("table", { name: /does$/ }).textContent).toContain("shop-web-1 created");
  await user.click(start());
  await waitFor(() => expect(lastCall(core, "projects.up")).toEqual({ id: "shop" }));
  expect(useOverlay.getState().overlay).toBeUndefined();
  expect(useProjectSelection.getState().inspected).toBe("shop");
});

it("imports once, however often one asks for it", async () => {
  const core = new FakeCore({ projects: [] });
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "import-project" });
  const dialog = within(await screen.findByRole("dialog"));
  const text = dialog.getByLabelText("compose.yaml");
  fireEvent.change(text, { target: { value: "name: shop\nservices:\n  web: {}" } });
  await dialog.findByText(/How readily it is swapped out/);
  const end = core.holdNext("projects.import");
  const start = dialog.getByRole("button", { name: "Import and bring up" });
  await user.click(start);
  await user.click(start);
  await user.click(dialog.getByRole("button", { name: "Import" }));
  end();
  await waitFor(() => expect(lastCall(core, "projects.up")).toEqual({ id: "shop" }));
  expect(core.calls.filter(({ method }) => method === "projects.import")).toHaveLength(1);
});

it("reads a file of this machine, and takes a dropped one", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "import-project" });
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText(/or the directory/), "/srv/shop/compose.yaml");
  await user.click(dialog.getByRole("button", { name: "Read" }));
  const text = () => dialog.getByLabelText<HTMLTextAreaElement>("compose.yaml");
  await waitFor(() => expect(text().value).toContain("image: nginx:1.27"));
  const dropped = { text: async () => "services: { other: { image: i } }" };
  fireEvent.drop(text(), { dataTransfer: { types: ["Files"], files: [dropped] } });
  await waitFor(() => expect(text().value).toContain("other"));
  await waitFor(() =>
    expect(lastCall(core, "projects.check")).toMatchObject({
      source: { directory: "/srv/shop", files: [{ text: "services: { other: { image: i } }" }] },
    }),
  );
});
