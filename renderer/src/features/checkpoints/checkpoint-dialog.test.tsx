import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeId } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { CheckpointDialog } from "./checkpoint-dialog.tsx";

vi.setConfig({ testTimeout: 30_000 });

it("says that a name is taken before it is asked for, and keeps what is named otherwise", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  const onClose = vi.fn<() => void>();
  renderWith(core, <CheckpointDialog id={fakeId(3)} onClose={onClose} />);
  const name = await screen.findByLabelText("Name");
  const retype = async (text: string) => {
    await user.clear(name);
    await user.type(name, text);
  };
  await retype("warm-cache");
  expect(await screen.findByText("orders-worker has a checkpoint of this name")).toBeTruthy();
  await user.keyboard("{Enter}");
  const asked = () => core.calls.filter(({ method }) => method === "checkpoints.create");
  expect(asked()).toEqual([]);
  // Another container's.
  await retype("trained");
  await user.keyboard("{Enter}");
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(asked()).toMatchObject([{ input: { containerId: fakeId(3), name: "trained" } }]);
});
