import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { SystemPage } from "./system-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

it("names what is missing or unusable, and how to install it", async () => {
  const core = new FakeCore();
  renderWith(core, <SystemPage />);
  const table = within(await screen.findByRole("table"));
  const system = core.system.value;
  const lacking = system.prerequisites.filter(({ status }) => status !== "found");
  expect(lacking.length).toBeGreaterThan(0);
  for (const { name, status, install } of lacking) {
    const row = within(table.getByText(name).closest("tr") as HTMLElement);
    expect(row.getByText(status === "missing" ? "Missing" : "Unusable")).toBeTruthy();
    if (install) expect(row.getByText(install)).toBeTruthy();
  }
});

it("says which firewall is at work, and what that means", async () => {
  const core = new FakeCore();
  const note = "Ports are reached when it lets them through";
  core.system.set({ ...core.system.value, firewalls: [{ name: "ufw", note }] });
  renderWith(core, <SystemPage />);
  expect((await screen.findByText("ufw is active.")).parentElement?.textContent).toContain(note);
});

it("probes again when asked, and says when that failed", async () => {
  const core = new FakeCore();
  core.failNext("system.probe", {
    code: "INTERNAL",
    message: "runc could not be run",
    details: { output: "fork: resource temporarily unavailable" },
  });
  const user = userEvent.setup();
  renderWith(core, <SystemPage />);
  await user.click(await screen.findByRole("button", { name: "Probe again" }));
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("runc could not be run");
  await user.click(within(alert).getByRole("button", { name: "What it said" }));
  expect(alert.textContent).toContain("fork: resource temporarily unavailable");
});

it("says of a containerd that it was asked, and not tried", async () => {
  renderWith(new FakeCore(), <SystemPage />);
  const card = await screen.findByRole("article", { name: "containerd" });
  expect(card.textContent).toContain("Asked");
  expect(card.textContent).not.toContain("Probed");
});
