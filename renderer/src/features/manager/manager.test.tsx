import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { AppError } from "#shared/errors";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Header } from "../shell/header.tsx";
import { ServiceSection } from "./service-section.tsx";
import { Unreached } from "./unreached.tsx";

vi.setConfig({ testTimeout: 30_000 });

function stubReload() {
  const reload = vi.fn();
  vi.spyOn(location, "reload").mockImplementation(reload);
  return reload;
}

const section = (core: FakeCore) => renderWith(core, <ServiceSection system={core.system.value} />);

it("says how the machine's manager is had where there is none, and what that gives away", async () => {
  section(new FakeCore());
  await screen.findByText(/is not installed/);
  const steps = within(await screen.findByRole("list", { name: "What to do" }));
  expect(steps.getAllByRole("listitem").map(({ textContent }) => textContent)).toEqual([
    expect.stringContaining("sudo tee"),
    expect.stringContaining("sudo systemctl enable --now shimyard-manager"),
    expect.stringContaining("usermod"),
  ]);
  expect(steps.getByText(/can become root/)).toBeTruthy();
});

it("says what to do about each other failure, and looks again when asked", async () => {
  const core = new FakeCore();
  core.failNext("shell.reachService", {
    code: "UNAVAILABLE",
    message: "This machine's manager does not run",
    details: { hint: "Start it with: sudo systemctl start shimyard-manager" },
  });
  core.failNext("shell.reachService", {
    code: "PERMISSION_DENIED",
    message: "The user mara is not in the group shimyard",
    details: { hint: "Root can let mara in with: usermod" },
  });
  section(core);
  await screen.findByText(/does not run/);
  expect(await screen.findAllByRole("listitem")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Look again" }));
  await screen.findByText(/is not in the group/);
  expect(screen.getByText(/Root can let mara in/)).toBeTruthy();
  expect(screen.queryByRole("listitem")).toBeNull();
  core.shell.shell.reachService = () => ({});
  await userEvent.click(screen.getByRole("button", { name: "Look again" }));
  await screen.findByText(/lets you in/);
});

it("offers root nothing to switch between, for it is the same", async () => {
  const core = new FakeCore();
  const setUp = core.shell.shell.serviceSetUp;
  core.shell.shell.serviceSetUp = async (...given) => ({ ...(await setUp(...given)), same: true });
  section(core);
  await screen.findByText(/Root's containers are the machine's/);
  expect(screen.queryByRole("radiogroup")).toBeNull();
  core.system.set({ ...core.system.value, kind: "service" });
  section(core);
  await screen.findByText(/held by a service/);
  await userEvent.click(screen.getByRole("button", { name: "Do without it" }));
  expect(screen.getByText("sudo systemctl disable --now shimyard-manager")).toBeTruthy();
});

it("switches from the header's menu, by loading the page anew", async () => {
  const reload = stubReload();
  renderWith(new FakeCore(), <Header />);
  await userEvent.click(await screen.findByRole("button", { name: /This user · root/ }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "This user" }));
  expect(reload).not.toHaveBeenCalled();
  await userEvent.click(await screen.findByRole("button", { name: /This user · root/ }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "This machine" }));
  expect(reload).toHaveBeenCalledOnce();
  expect(localStorage.getItem("shimyard.manager")).toBe("machine");
});

it("leads back from a machine's manager that can't be reached", async () => {
  const reload = stubReload();
  const trouble = new AppError("NOT_FOUND", "This machine's manager is not installed");
  renderWith(new FakeCore({ manager: "machine" }), <Unreached trouble={trouble} />);
  expect(screen.getByRole("heading").textContent).toBe("This machine's manager is not installed.");
  expect(await screen.findAllByRole("listitem")).toHaveLength(3);
  await userEvent.click(screen.getByRole("radio", { name: "This user" }));
  expect(reload).toHaveBeenCalledOnce();
  expect(localStorage.getItem("shimyard.manager")).toBe("user");
});
