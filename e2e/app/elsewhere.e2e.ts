import { copyFile, link, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { TestContainerd, lacks } from "#core/runtime/containerd/testing";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test } from "../harness/test.ts";

const lacking = lacks("containerd", "ctr");

test.describe("elsewhere", () => {
  test.skip(lacking !== undefined, lacking);
  let containerd: TestContainerd;

  test.beforeEach(async () => {
    containerd = await TestContainerd.start();
    const rootfs = join(containerd.directory, "rootfs");
    await mkdir(join(rootfs, "bin"), { recursive: true });
    await copyFile("/bin/busybox", join(rootfs, "bin/busybox"));
    for (const name of ["sh", "sleep"]) {
      await link(join(rootfs, "bin/busybox"), join(rootfs, "bin", name));
    }
    const run = ["--namespace", "others", "run", "--detach", "--rootfs", rootfs];
    await containerd.ctr(...run, "theirs", "/bin/sh", "-c", "while :; do sleep 1; done");
  });

  test.afterEach(async () => {
    if (!containerd.runs) await containerd.start();
    await containerd.ctr("--namespace", "others", "tasks", "rm", "--force", "theirs");
    await containerd.close(["others"]);
  });

  test("another's container has a terminal that is there again after the app was killed", async ({
    home,
    page,
  }) => {
    const first = await home.startHeadless();
    await page.goto(first.url);
    await page.getByRole("navigation").getByRole("button", { name: "Elsewhere" }).click();
    await page.getByRole("button", { name: "Add a containerd…" }).click();
    await page.getByRole("textbox", { name: "Socket" }).fill(containerd.socket);
    await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
    const row = page.getByRole("table", { name: "Containers in others" }).getByRole("row").filter({
      hasText: "theirs",
    });
    await expect(row).toContainText("Running");
    await row.getByRole("button", { name: "Details of theirs" }).click();
    await expect(row).toContainText("containerd keeps no logs");
    await row.getByRole("tab", { name: "Processes" }).click();
    await expect(row).toContainText("while :; do sleep 1; done");
    await row.getByRole("tab", { name: "Terminals" }).click();
    await row.getByRole("button", { name: "New terminal" }).click();
    const window = new ShimyardWindow(page);
    const terminal = page.getByRole("region", { name: "Terminal in theirs" });
    await terminal.click();
    await window.type("echo $((6*7))");
    await window.expectOnScreen(terminal, "42");

    await first.kill9();
    const second = await home.startHeadless();
    await page.goto(second.url);
    await window.expectOnScreen(terminal, "42");
    await window.type("echo $((7*8))");
    await window.expectOnScreen(terminal, "56");
    await page.getByRole("button", { name: "Close theirs · sh" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Close terminal" }).click();
    await expect(page.getByRole("tab", { name: "theirs · sh" })).toHaveCount(0);
  });

  test("a containerd that goes away is said to be, and is back by itself", async ({
    home,
    page,
  }) => {
    const app = await home.startHeadless();
    const client = await app.connect();
    await client.call("remotes.add", { address: containerd.socket });
    await page.goto(app.url);
    await page.getByRole("navigation").getByRole("button", { name: "Elsewhere" }).click();
    const place = page.getByRole("region", { name: containerd.socket });
    await expect(place).toContainText("Connected");
    await containerd.stop();
    await expect(place).toContainText("Away");
    await containerd.start();
    await expect(place).toContainText("Connected");
    await expect(place.getByRole("row").filter({ hasText: "theirs" })).toContainText("Running");
  });
});
