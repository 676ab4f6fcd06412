import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { CheckpointsPage } from "./checkpoints-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

async function row(name: string) {
  return within((await screen.findByText(name)).closest("[role=row]") as HTMLElement);
}

it("says why one can't be restored", async () => {
  renderWith(new FakeCore(), <CheckpointsPage />);
  const gone = (await row("last-known-good")).getByRole("button", { name: /Restore/ });
  expect(gone.getAttribute("aria-disabled")).toBe("true");
  const running = (await row("before-migration")).getByRole("button", { name: /Restore/ });
  expect(running.getAttribute("aria-disabled")).toBe("true");
});

it("deletes only what was confirmed, and keeps the row with the reason when that fails", async () => {
  const core = new FakeCore();
  core.failNext("checkpoints.delete", {
    code: "INTERNAL",
    message: "Its directory can't be removed",
    details: { output: "EBUSY: resource busy" },
  });
  const user = userEvent.setup();
  renderWith(core, <CheckpointsPage />);
  const deletions = () => core.calls.filter(({ method }) => method === "checkpoints.delete");
  await user.click((await row("warm-cache")).getByRole("button", { name: /Delete/ }));
  expect(deletions()).toEqual([]);
  const confirm = async () =>
    user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: /^Delete/ }));
  await confirm();
  expect((await screen.findByRole("alert")).textContent).toContain(
    "Its directory can't be removed",
  );
  await user.click((await row("warm-cache")).getByRole("button", { name: /Delete/ }));
  await confirm();
  await waitFor(() => expect(screen.queryByText("warm-cache")).toBeNull());
  expect(deletions()).toEqual([
    { method: "checkpoints.delete", input: { id: "checkpoint-4" } },
    { method: "checkpoints.delete", input: { id: "checkpoint-4" } },
  ]);
});

it("says to an ordinary user why there are none", async () => {
  renderWith(new FakeCore({ rootless: true, checkpoints: [] }), <CheckpointsPage />);
  expect(await screen.findByText("Checkpoints need root.")).toBeTruthy();
  expect(screen.getByText("No checkpoints yet")).toBeTruthy();
});
