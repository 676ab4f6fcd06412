import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { starterImage } from "../harness/containers.ts";
import { expect, test } from "../harness/test.ts";

test("a build is followed line by line, ends when it is cancelled, and tells the step that fails", async ({
  home,
  app,
  window,
}) => {
  const client = await app.connect();
  await starterImage(client);
  const context = join(home.root, "made");
  await mkdir(context);
  const write = (step: string): Promise<void> =>
    writeFile(join(context, "Dockerfile"), `FROM busybox:host\nRUN ${step}\n`);
  const { page } = window;
  await page
    .getByRole("navigation")
    .getByRole("button", { name: /^Images/ })
    .click();
  const dialog = page.getByRole("dialog", { name: "Build an image" });
  const build = page.getByRole("region", { name: "Build of made" }).last();

  await write("echo begun; sleep 1000");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("build an image");
  await page.keyboard.press("Enter");
  await dialog.getByLabel("Context").fill(context);
  await dialog.getByRole("button", { name: "Build", exact: true }).click();
  await expect(build.getByRole("log").getByText("begun", { exact: true })).toBeVisible();
  await build.getByRole("button", { name: "Cancel" }).click();
  await expect(build.getByText("Cancelled", { exact: true })).toBeVisible();
  for await (const { put } of client.stream("activity.watchOperations", {})) {
    if (put.some(({ kind, status }) => kind === "build" && status === "cancelled")) break;
  }

  await write("echo 'no such word' >&2; exit 7");
  await build.getByRole("button", { name: "Build again…" }).click();
  await dialog.getByRole("button", { name: "Build", exact: true }).click();
  await expect(build.getByRole("alert")).toContainText("exit status 7");
  await expect(build.getByRole("log")).toContainText("no such word");

  await write("echo well > /done");
  await build.getByRole("button", { name: "Build again…" }).click();
  await dialog.getByRole("button", { name: "Build", exact: true }).click();
  await expect(build.getByText("Built", { exact: true })).toBeVisible();
  await expect(
    page.getByRole("grid", { name: "Images" }).getByRole("row").filter({ hasText: "made" }),
  ).toBeVisible();
});
