import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { RuntimeInfo } from "#shared/contract/system";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { useSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";

vi.setConfig({ testTimeout: 30_000 });

/** On an image of this name; without one, on the one that the dialog chooses. */
async function open(core = new FakeCore(), imageName?: string) {
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  const image = [...core.images.items.values()].find(({ names }) =>
    names.includes(imageName ?? ""),
  );
  openOverlay({ kind: "create", imageId: image?.id });
  const dialog = await screen.findByRole("dialog");
  await waitFor(() =>
    expect(within(dialog).getByLabelText<HTMLInputElement>("Image").value).not.toBe(""),
  );
  return { user, core, dialog: within(dialog) };
}

const created = (core: FakeCore) =>
  core.calls.find(({ method }) => method === "containers.create")?.input as
    | { config: Record<string, unknown>; start: boolean }
    | undefined;

it("shows the command as it is parsed, and creates with that", async () => {
  const { user, core, dialog } = await open();
  await user.clear(dialog.getByLabelText("Name"));
  await user.type(dialog.getByLabelText("Name"), "web-1");
  await user.clear(dialog.getByLabelText("Command"));
  await user.type(dialog.getByLabelText("Command"), `sh -c 'echo hi; sleep 1' ""`);
  const words = within(dialog.getByLabelText("Command as words"))
    .getAllByRole("listitem")
    .map((word) => word.textContent);
  expect(words).toEqual(["sh", "-c", "echo hi; sleep 1", "empty"]);
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(useOverlay.getState().overlay).toBeUndefined());
  expect(created(core)).toMatchObject({
    start: true,
    config: { name: "web-1", args: ["sh", "-c", "echo hi; sleep 1", ""] },
  });
  const made = [...core.containers.items.values()].find(({ name }) => name === "web-1");
  expect(made?.state.status).toBe("running");
  expect(useSelection.getState().inspected).toBe(made?.id);
});

it("points at a quote that is never closed, and creates nothing", async () => {
  const { user, core, dialog } = await open();
  await user.clear(dialog.getByLabelText("Command"));
  await user.type(dialog.getByLabelText("Command"), "echo 'x");
  const alert = dialog.getByRole("alert");
  expect(alert.textContent).toContain("This ' is never closed");
  expect(alert.querySelector("mark")?.textContent).toBe("'");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  expect(created(core)).toBeUndefined();
});

it("says while one types that a name is taken", async () => {
  const { user, dialog } = await open();
  const name = dialog.getByLabelText("Name");
  await user.clear(name);
  await user.type(name, "postgres");
  expect(await dialog.findByText("“postgres” is taken by another container")).toBeTruthy();
  expect(name.getAttribute("aria-invalid")).toBe("true");
});

it("opens the rest for what is wrong in it, and puts the server's words at their field", async () => {
  const core = new FakeCore();
  core.failNext("containers.create", {
    code: "INVALID_ARGUMENT",
    message: "There is no user “ghost” in the image",
    details: { field: "config.user" },
  });
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  await user.type(dialog.getByLabelText("Memory"), "256m");
  expect(dialog.getByText("268,435,456 bytes")).toBeTruthy();
  await user.clear(dialog.getByLabelText("User"));
  await user.type(dialog.getByLabelText("User"), "ghost");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  expect(await dialog.findByText("There is no user “ghost” in the image")).toBeTruthy();
  expect(dialog.getByLabelText("User").getAttribute("aria-invalid")).toBe("true");
  await user.type(dialog.getByLabelText("User"), "x");
  expect(dialog.queryByText("There is no user “ghost” in the image")).toBeNull();
});

it("shows a failure without a field with its own words", async () => {
  const core = new FakeCore();
  core.failNext("containers.create", {
    code: "NOT_FOUND",
    message: "The command was not found in the image",
    details: { field: "config.args", output: 'exec: "/bin/serve": no such file' },
  });
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  const alert = await dialog.findByRole("alert");
  await user.click(within(alert).getByRole("button", { name: "What it said" }));
  expect(alert.textContent).toContain('exec: "/bin/serve": no such file');
  // While it was being made its name was taken: what was heard of that then says nothing any more.
  const methods = () => core.calls.map(({ method }) => method);
  await waitFor(() =>
    expect(methods().lastIndexOf("containers.checkName")).toBeGreaterThan(
      methods().lastIndexOf("containers.create"),
    ),
  );
});

it("gives a shell alone a terminal, and nothing else, unless it is told", async () => {
  const { user, core, dialog } = await open(undefined, "busybox:host");
  const terminal = () => dialog.getByRole("checkbox", { name: /With a terminal/ });
  expect(terminal().getAttribute("aria-checked")).toBe("true");
  const command = dialog.getByRole("textbox", { name: "Command" });
  await user.clear(command);
  await user.type(command, "sh -c date");
  expect(terminal().getAttribute("aria-checked")).toBe("false");
  await user.click(terminal());
  await user.clear(command);
  await user.type(command, "top");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)?.config).toMatchObject({ terminal: true }));
});

it("takes pasted variables, a row of each", async () => {
  const { user, core, dialog } = await open();
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  await user.click(dialog.getByRole("button", { name: /Add a variable/ }));
  await user.click(dialog.getByLabelText("Variable"));
  await user.paste("A=1\nB=two words\n");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)?.config["env"]).toEqual(["A=1", "B=two words"]));
});

it("disables limits where there are none, with the reason", async () => {
  const { user, dialog } = await open(new FakeCore({ rootless: true }));
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  expect(dialog.getByLabelText<HTMLInputElement>("Memory").disabled).toBe(true);
  expect(dialog.getByText("This host's cgroup v1 lets only root set limits.")).toBeTruthy();
});

it("disables the fields of one kind of limit alone, each with the reason", async () => {
  const core = new FakeCore();
  const system = core.system.value;
  const no = (reason: string) => ({ ok: false, reason });
  const limits = { ...system.limits, pids: no("No pids here"), cpuset: no("No cpuset here") };
  core.system.set({ ...system, limits });
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  await user.click(dialog.getByRole("button", { name: /^More limits/ }));
  const isDisabled = (label: string): boolean =>
    dialog.getByLabelText<HTMLInputElement>(label).disabled;
  const fields = ["Memory", "CPUs", "Processes", "CPU shares", "CPU set", "Memory nodes"];
  expect(fields.filter(isDisabled)).toEqual(["Processes", "CPU set", "Memory nodes"]);
  expect(dialog.getByText("No pids here.")).toBeTruthy();
  expect(dialog.getAllByText("No cpuset here.")).toHaveLength(2);
});

it("offers to share a shim only where the chosen runtime can, and says the risk", async () => {
  const core = new FakeCore();
  const system = core.system.value;
  const shim = {
    ...(system.runtimes[0] as RuntimeInfo),
    ...{ id: "shim/io.containerd.runc.v2", preferred: false },
  };
  shim.abilities = { ...shim.abilities, shareShim: { ok: true } };
  core.system.set({ ...system, runtimes: [...system.runtimes, shim] });
  const { user, dialog } = await open(core);
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  expect(dialog.queryByLabelText("Shim group")).toBeNull();
  const runtime = dialog.getByLabelText("Runtime");
  await user.selectOptions(runtime, shim.id);
  const group = dialog.getByLabelText<HTMLInputElement>("Shim group");
  expect(dialog.getByText(/if it is lost, none of them/)).toBeTruthy();
  await user.type(group, "pair");
  // What can't be had there is not kept.
  await user.selectOptions(runtime, "");
  expect(dialog.queryByLabelText("Shim group")).toBeNull();
  await user.selectOptions(runtime, shim.id);
  expect(dialog.getByLabelText<HTMLInputElement>("Shim group").value).toBe("");
  await user.type(dialog.getByLabelText("Shim group"), "pair");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)?.config["shimGroup"]).toBe("pair"));
});

it("makes the starter image by itself where there is none, and says why when it can't", async () => {
  const core = new FakeCore({ containers: [], images: [] });
  core.failNext("images.ensureStarter", {
    code: "FAILED_PRECONDITION",
    message: "There is no static busybox on this machine",
    details: { hint: "Install busybox-static" },
  });
  const user = userEvent.setup();
  renderWith(core, <Overlays />);
  openOverlay({ kind: "create" });
  const dialog = within(await screen.findByRole("dialog"));
  const alert = await dialog.findByRole("alert");
  expect(alert.textContent).toContain("Install busybox-static");
  const create = dialog.getByRole("button", { name: "Create and start" });
  expect(create.getAttribute("aria-disabled")).toBe("true");
  await user.click(dialog.getByRole("button", { name: "Try again" }));
  await waitFor(() => expect(create.getAttribute("aria-disabled")).toBeNull());
  expect(dialog.queryByRole("alert")).toBeNull();
  await user.click(create);
  await waitFor(() =>
    expect(created(core)?.config["imageId"]).toBe([...core.images.items.keys()][0]),
  );
});

it("offers a containerd by its place, and says what is different about it", async () => {
  const { user, core, dialog } = await open();
  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  const runtime = dialog.getByLabelText<HTMLSelectElement>("Runtime");
  const id = "containerd/run/containerd/containerd.sock";
  await user.selectOptions(runtime, id);
  expect(runtime.selectedOptions[0]?.textContent).toBe(
    "containerd 1.6.20~ds1, at /run/containerd/containerd.sock",
  );
  expect(dialog.getByText(/in a namespace of Shimyard's/)).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)?.config).toMatchObject({ runtime: id }));
});

it("fills in what the image says, shows what it offers, and sends only what was changed", async () => {
  const { user, core, dialog } = await open(new FakeCore(), "postgres:17");
  const typed = (label: string): string => dialog.getByLabelText<HTMLInputElement>(label).value;
  expect(typed("Entrypoint")).toBe("docker-entrypoint.sh");
  expect(typed("Command")).toBe("postgres");
  expect(dialog.getByText("5432/tcp")).toBeTruthy();
  expect(dialog.getByText("not published yet")).toBeTruthy();
  expect(dialog.getByText("/var/lib/postgresql/data")).toBeTruthy();

  await user.click(dialog.getByRole("button", { name: /Environment, limits/ }));
  const own = within(dialog.getByLabelText("Environment of the image"));
  await user.click(own.getByRole("button", { name: "Change PGDATA" }));
  expect(own.queryByText("PGDATA")).toBeNull();
  const value = dialog.getByLabelText("Value of PGDATA");
  await user.clear(value);
  await user.type(value, "/data");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => expect(created(core)).toBeDefined());
  expect(created(core)?.config).toMatchObject({ args: [], env: ["PGDATA=/data"] });
  expect(created(core)?.config["entrypoint"]).toBeUndefined();
});

it("keeps the image's command when its entrypoint is edited, and gives both back", async () => {
  const { user, core, dialog } = await open(new FakeCore(), "postgres:17");
  await user.type(dialog.getByLabelText("Entrypoint"), " -x");
  expect(dialog.getByLabelText<HTMLInputElement>("Command").value).toBe("postgres");
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() =>
    expect(created(core)?.config).toMatchObject({
      entrypoint: ["docker-entrypoint.sh", "-x"],
      args: ["postgres"],
    }),
  );
});

it("finds an image among many, and pulls one that is not here into the form", async () => {
  const { user, core, dialog } = await open();
  const picker = dialog.getByLabelText<HTMLInputElement>("Image");
  await user.click(picker);
  await user.keyboard("valkey");
  await user.click(await screen.findByRole("option", { name: /^valkey\s*:9/ }));
  expect(picker.value).toBe("valkey:9");
  await user.click(picker);
  await user.keyboard("alpine:3.22{Enter}");
  await waitFor(() => expect(picker.value).toBe("alpine:3.22"));
  await user.click(dialog.getByRole("button", { name: "Create and start" }));
  await waitFor(() => {
    const image = core.images.items.get(String(created(core)?.config["imageId"]));
    expect(image?.names).toEqual(["alpine:3.22"]);
  });
});

it("creates nothing from the image before while another one is being pulled, by Enter neither", async () => {
  const { user, core, dialog } = await open();
  const end = core.holdNext("images.pull");
  await user.click(dialog.getByLabelText("Image"));
  await user.keyboard("alpine:3.22{Enter}");
  await user.type(dialog.getByLabelText("Name"), "{Enter}");
  await user.keyboard("{Control>}{Enter}{/Control}");
  end();
  await waitFor(() =>
    expect(dialog.getByLabelText<HTMLInputElement>("Image").value).toBe("alpine:3.22"),
  );
  expect(created(core)).toBeUndefined();
  await user.type(dialog.getByLabelText("Name"), "{Enter}");
  await waitFor(() => expect(created(core)).toBeDefined());
  const image = core.images.items.get(String(created(core)?.config["imageId"]));
  expect(image?.names).toEqual(["alpine:3.22"]);
});

it("shows in the form why an image could not be pulled, and goes back to the one before", async () => {
  const core = new FakeCore();
  core.failNext("images.pull", {
    code: "NOT_FOUND",
    message: "docker.io has no image nobody/nothing:1",
    details: {},
  });
  const { user, dialog } = await open(core, "postgres:17");
  const picker = dialog.getByLabelText<HTMLInputElement>("Image");
  await user.click(picker);
  await user.keyboard("nobody/nothing:1{Enter}");
  expect((await dialog.findByRole("alert")).textContent).toContain("has no image");
  expect(picker.value).toBe("postgres:17");
});
