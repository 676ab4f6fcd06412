import { expect, test } from "../harness/test.ts";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { sleep } from "../harness/wait.ts";
import { useContainer } from "./journey.ts";

test("in Electron: create, exec, type, resize, read and search logs, pause, stop, start, delete", async ({
  home,
}) => {
  const { app, page } = await home.startElectron();
  await useContainer(new ShimyardWindow(page), async () => {
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setSize(1100, 760));
  });
});

test("in Electron: a terminal and its screen are there again after the app was killed", async ({
  home,
}) => {
  const first = await home.startElectron();
  let window = new ShimyardWindow(first.page);
  await window.create("survivor", "sleep 100000");
  let terminal = await window.openTerminal("survivor");
  await window.type("X=kept-in-the-shell; echo on-the-$((1))-screen");
  await window.expectOnScreen(terminal, "on-the-1-screen");
  // It goes on while nobody looks.
  await window.type("sleep 4; echo said-$((1+1))-meanwhile");
  // What was typed has arrived.
  await window.expectOnScreen(terminal, "sleep 4;");
  await first.kill9();
  await sleep(3000);

  const second = await home.startElectron();
  window = new ShimyardWindow(second.page);
  await expect(window.row("survivor")).toContainText("Running");
  terminal = second.page.getByRole("region", { name: "Terminal in survivor" });
  await expect(terminal).toBeVisible();
  await window.expectOnScreen(terminal, "on-the-1-screen");
  await window.expectOnScreen(terminal, "said-2-meanwhile");
  await window.type("echo $X-$((2+3))");
  await window.expectOnScreen(terminal, "kept-in-the-shell-5");

  // When its container ends, it says so.
  await window.choose("survivor", "Stop");
  await expect(window.row("survivor")).toContainText("Exited");
  await expect(terminal.getByRole("status")).toContainText(/ended/i);
});

test("in Electron: a checkpoint is taken, the container stopped, and restored where it was", async ({
  home,
}) => {
  test.skip(!process.env.SHIMYARD_CRIU, "no criu that works on this kernel");
  const { page } = await home.startElectron();
  const window = new ShimyardWindow(page);
  await window.create("counter", "sh -c 'i=0; while :; do echo n $i; i=$((i+1)); sleep 0.1; done'");
  await window.choose("counter", "Checkpoint…");
  const dialog = page.getByRole("dialog", { name: "Checkpoint counter" });
  await dialog.getByLabel("Name").fill("before the change");
  await dialog.getByRole("button", { name: "Checkpoint" }).click();
  await expect(dialog).toBeHidden();
  await window.row("counter").click();
  await expect(window.inspector).toContainText("before the change");

  await window.choose("counter", "Stop");
  await expect(window.row("counter")).toContainText("Exited");
  await window.inspector.getByRole("button", { name: "Restore" }).first().click();
  await expect(window.row("counter")).toContainText("Running");

  // It went on from where it was: started anew, it would have written its first line twice.
  await window.choose("counter", "Logs");
  const log = window.dock.getByRole("region", { name: "Logs of counter" });
  const lines = async (): Promise<number> =>
    Number(/([\d,]+) lines/.exec(await log.innerText())?.[1]?.replaceAll(",", ""));
  const restored = await lines();
  await expect.poll(lines).toBeGreaterThan(restored);
  await log.getByRole("button", { name: "Search" }).click();
  await log.getByLabel("Search the log").fill("n 0");
  await expect(log.getByRole("search").locator("[aria-live]")).toHaveText("1");
});

test("a second app on the same root ends, and the first one goes on", async ({ home }) => {
  const { page } = await home.startElectron();
  const window = new ShimyardWindow(page);
  await window.create("mine", "sleep 1000");
  await expect(home.startElectron()).rejects.toThrow(/is running already/);
  await window.choose("mine", "Pause");
  await expect(window.row("mine")).toContainText("Paused");
});
