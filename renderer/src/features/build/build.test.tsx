import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { useDock } from "../../state/dock.ts";
import { openOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Dock } from "../dock/dock.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function begin(core: FakeCore) {
  const user = userEvent.setup();
  renderWith(
    core,
    <>
      <Dock />
      <Overlays />
    </>,
  );
  openOverlay({ kind: "build" });
  const form = within(await screen.findByRole("dialog"));
  await user.type(form.getByLabelText("Context"), "/src/web");
  return { user, form };
}

const asked = (core: FakeCore): unknown =>
  core.calls.find(({ method }) => method === "images.build")?.input;

it("builds what was asked, and shows its coloured log and its end in the dock", async () => {
  const core = new FakeCore();
  const { user, form } = await begin(core);
  await user.type(form.getByLabelText("Target"), "release");
  await user.click(form.getByRole("button", { name: /Add an argument/ }));
  await user.type(form.getByLabelText("Argument"), "VERSION");
  await user.type(form.getByLabelText("Value of VERSION"), "1.2");
  await user.click(form.getByRole("button", { name: "Build" }));
  const view = within(await screen.findByRole("region", { name: "Build of web" }));
  const coloured = await view.findByText("(1/7)");
  expect(coloured.getAttribute("style")).toContain("--ansi-2");
  await view.findByText("Built");
  expect(view.getByRole("button", { name: "Run it…" })).toBeTruthy();
  expect(asked(core)).toMatchObject({
    context: "/src/web",
    target: "release",
    args: { VERSION: "1.2" },
    name: "web",
    noCache: false,
  });
  expect(useDock.getState().tabs.map(({ kind }) => kind)).toEqual(["build"]);
});

it("keeps a failure with the builder's words, and builds again with the same", async () => {
  const core = new FakeCore();
  core.failNext("images.build", {
    code: "FAILED_PRECONDITION",
    message: "Step 2 ended with status 1",
    details: { output: "npm ERR! missing script: build" },
  });
  const { user, form } = await begin(core);
  await user.click(form.getByRole("button", { name: "Build" }));
  const view = within(await screen.findByRole("region", { name: "Build of web" }));
  expect((await view.findByRole("alert")).textContent).toContain("Step 2 ended with status 1");
  await user.click(view.getByRole("button", { name: "Build again…" }));
  const again = within(await screen.findByRole("dialog"));
  expect(again.getByLabelText<HTMLInputElement>("Context").value).toBe("/src/web");
});

it("cancels", async () => {
  const core = new FakeCore({ delay: 300 });
  const { user, form } = await begin(core);
  await user.click(form.getByRole("button", { name: "Build" }));
  const view = within(await screen.findByRole("region", { name: "Build of web" }));
  await user.click(await view.findByRole("button", { name: "Cancel" }));
  await view.findByText("Cancelled");
  const images = [...core.images.items.values()];
  await waitFor(() => expect(images.some(({ names }) => names.includes("web"))).toBe(false));
});
