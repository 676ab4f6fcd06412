import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { openOverlay } from "../../state/overlays.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 60_000 });

async function open(rootless: boolean) {
  const core = new FakeCore({ rootless });
  const [first] = core.containers.items.values();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "unit", id: first?.id ?? "" });
  const dialog = within(await screen.findByRole("dialog"));
  await dialog.findByText(/^\[Unit\]/);
  return { dialog, user: userEvent.setup() };
}

it("is a Quadlet file where podman has it, for whoever runs the app", async () => {
  const { dialog } = await open(true);
  const text = dialog.getByText(/^\[Unit\]/).textContent;
  expect(text).toContain(
    "[Container]\nImage=docker.io/library/postgres:17\nContainerName=postgres\n",
  );
  expect(text).toContain("Restart=always");
  expect(text).toContain("WantedBy=default.target");
  expect(
    dialog.getByText("~/.config/containers/systemd/container-postgres.container"),
  ).toBeTruthy();
  expect(dialog.getByText(/loginctl enable-linger/)).toBeTruthy();
  expect(dialog.getByText(/also when it was stopped/)).toBeTruthy();
});

it("is a unit for what is chosen, and says what this machine lacks for it", async () => {
  const { dialog, user } = await open(false);
  expect(dialog.getByText(/^systemctl daemon-reload/)).toBeTruthy();
  await user.click(dialog.getByRole("radio", { name: "Unit for docker" }));
  expect(dialog.getByText(/^\[Unit\]/).textContent).toContain("/usr/bin/docker create");
  expect(dialog.getByText(/has no docker/)).toBeTruthy();
  expect(dialog.getByText("/etc/systemd/system/container-postgres.service")).toBeTruthy();
  await user.click(dialog.getByRole("radio", { name: "By a user’s systemd" }));
  expect(dialog.getByText(/^systemctl --user daemon-reload/)).toBeTruthy();
});
