import { expect } from "@playwright/test";
import type { ShimyardWindow } from "../harness/shimyard-window.ts";

/** What a person does with a container, from the first to the last click. The same in every host. */
export async function useContainer(
  window: ShimyardWindow,
  resize: () => Promise<void>,
): Promise<void> {
  const { page } = window;
  await window.create(
    "web",
    `sh -c 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.2; done'`,
  );

  const terminal = await window.openTerminal("web");
  await window.type("echo wide-漢字-$((40+2))");
  await window.expectOnScreen(terminal, "wide-漢字-42");
  await window.type("stty size >/tmp/before");
  await resize();
  await window.type("stty size | cmp -s /tmp/before - || echo resized-$((1+1))");
  await window.expectOnScreen(terminal, "resized-2");

  await window.choose("web", "Logs");
  const log = window.dock.getByRole("region", { name: "Logs of web" });
  await expect(log).toContainText(/tick \d+/);
  await log.getByRole("button", { name: "Search" }).click();
  await log.getByLabel("Search the log").fill("tick 2");
  await log.getByLabel("Search the log").press("Enter");
  await expect(log.locator("mark").first()).toHaveText("tick 2");

  await window.choose("web", "Pause");
  await expect(window.row("web")).toContainText("Paused");
  await window.choose("web", "Resume");
  await expect(window.row("web")).toContainText("Running");

  await window.choose("web", "Stop");
  await expect(window.row("web")).toContainText(/Exited (137|143)/);
  // A stopped container's log is still there, back to its beginning.
  await log.getByLabel("Search the log").fill("tick 3");
  await expect(log.getByRole("search").locator("[aria-live]")).toHaveText(/^\d+/);
  await window.choose("web", "Start");
  await expect(window.row("web")).toContainText("Running");

  await window.choose("web", "Delete…");
  await page.getByRole("button", { name: "Kill and delete" }).click();
  await expect(window.row("web")).toHaveCount(0);
  await expect(page.getByText("No containers yet")).toBeVisible();
}
