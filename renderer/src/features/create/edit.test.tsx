import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { ContainerConfig } from "#shared/contract/containers";
import { openOverlay, useOverlay } from "../../state/overlays.ts";
import { useSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { Overlays } from "../shell/overlays.tsx";
import { changesOf } from "./edit-changes.ts";

vi.setConfig({ testTimeout: 60_000 });

const config: ContainerConfig = {
  ...{ name: "web", imageId: "a".repeat(64), args: [], env: ["A=1", "B=2"], terminal: false },
  ...{ limits: {}, restart: { name: "no" }, labels: {} },
};

describe("what an edit changes", () => {
  it.each<[what: string, change: Partial<ContainerConfig>, says: object]>([
    ["nothing", {}, { kind: "none", added: [], removed: [] }],
    // As the form leaves them.
    ["what is as good as nothing", { ports: [], hostname: "", cwd: undefined }, { kind: "none" }],
    ["a limit", { limits: { cpus: 2 } }, { kind: "live", added: ["--cpus 2"] }],
    [
      "its name and restarts",
      { name: "site", restart: { name: "always" } },
      { kind: "live", removed: ["--name web"], added: ["--name site", "--restart always"] },
    ],
    [
      "a variable",
      { env: ["A=1", "B=3"] },
      { kind: "anew", removed: ["-e B=2"], added: ["-e B=3"] },
    ],
    [
      "what docker has no flag for",
      { runtime: "oci/crun", userns: { auto: 1000 }, entrypoint: [] },
      {
        kind: "anew",
        added: ["entrypoint none", "runtime oci/crun", "user namespace auto:size=1000"],
      },
    ],
  ])("is %s", (_what, change, says) => {
    expect(changesOf(config, { ...config, ...change })).toMatchObject(says);
  });
});

async function open() {
  const core = new FakeCore();
  const container = [...core.containers.items.values()].find(({ name }) => name === "postgres");
  if (!container) throw new Error("there is no postgres");
  renderWith(core, <Overlays />);
  openOverlay({ kind: "edit", id: container.id });
  const dialog = within(await screen.findByRole("dialog"));
  const inputOf = (method: string): unknown =>
    core.calls.find((call) => call.method === method)?.input;
  return { user: userEvent.setup(), core, container, dialog, inputOf };
}

it("changes limits without re-creating it", async () => {
  const { user, dialog, container, inputOf } = await open();
  const button = dialog.getByRole("button", { name: "Change it" });
  expect(button.getAttribute("aria-disabled")).toBe("true");
  await user.click(dialog.getByRole("button", { name: /^Environment, limits/ }));
  await user.clear(dialog.getByLabelText("CPUs"));
  await user.type(dialog.getByLabelText("CPUs"), "3");
  expect(within(dialog.getByLabelText("Changes")).getByText("--cpus 3")).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Change it" }));
  await waitFor(() => expect(useOverlay.getState().overlay).toBeUndefined());
  expect(inputOf("containers.updateLimits")).toMatchObject({
    id: container.id,
    limits: { cpus: 3 },
  });
  expect(inputOf("containers.recreate")).toBeUndefined();
  expect(inputOf("containers.rename")).toBeUndefined();
});

it("says what is lost, and re-creates it with the old one kept", async () => {
  const { user, dialog, container, inputOf } = await open();
  await user.click(dialog.getByRole("button", { name: /^Namespaces/ }));
  await user.click(dialog.getByLabelText(/UTS namespace of this machine/));
  const plan = within(dialog.getByLabelText("What changes"));
  expect(plan.getByText("--uts host")).toBeTruthy();
  expect(await plan.findByText(/outside its mounts.*lost with the old one/)).toBeTruthy();
  await user.click(plan.getByLabelText(/Keep the old one/));
  expect(plan.getByText(/stay in the old one/)).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Re-create it" }));
  await waitFor(() => expect(useOverlay.getState().overlay).toBeUndefined());
  const input = inputOf("containers.recreate") as { config: ContainerConfig };
  expect(input).toMatchObject({ id: container.id, keepOld: true });
  expect(input.config).toMatchObject({ name: "postgres", namespaces: { uts: "host" } });
  expect(useSelection.getState().inspected).not.toBe(container.id);
});

it("takes its files along in an image", async () => {
  const { user, dialog, inputOf } = await open();
  await user.click(dialog.getByLabelText(/With a terminal/));
  await user.selectOptions(dialog.getByLabelText("What it has written"), "keep");
  expect(dialog.getByText(/begins with them/)).toBeTruthy();
  await user.click(dialog.getByRole("button", { name: "Re-create it" }));
  await waitFor(() =>
    expect(inputOf("containers.recreate")).toMatchObject({ keepFiles: "postgres:edited" }),
  );
});
