import { makeContainer, starterImage } from "../harness/containers.ts";
import { expect, test } from "../harness/test.ts";
import type { Locator, Page } from "@playwright/test";

const volumeRow = (page: Page, name: string): Locator =>
  page
    .getByRole("row")
    .filter({ has: page.getByRole("checkbox", { name: `Select ${name}`, exact: true }) });

test("a volume outlives its container, and is looked into", async ({ app, page, window }) => {
  const client = await app.connect();
  const imageId = await starterImage(client);

  await page.keyboard.press("n");
  const create = page.getByRole("dialog", { name: "New container" });
  await create.getByRole("textbox", { name: "Name", exact: true }).fill("writer");
  await create.getByRole("button", { name: /Files and devices/ }).click();
  await create.getByRole("combobox", { name: /Volume or path/ }).fill("notes");
  await create.getByLabel("Seen at").fill("/notes");
  await create.getByRole("button", { name: "Add", exact: true }).click();
  await expect(create.getByLabel("Mounts")).toHaveValue("notes:/notes");
  await create.getByRole("textbox", { name: "Command" }).fill("sh -c 'echo kept >/notes/file'");
  await create.getByRole("button", { name: /^Create and start/ }).click();
  await expect(window.row("writer")).toContainText("Exited 0");

  await page.keyboard.press("Control+4");
  await volumeRow(page, "notes").click();
  const volume = page.getByRole("complementary", { name: "Volume" });
  await expect(volume.getByRole("button", { name: "writer" })).toBeVisible();
  await expect(volume.getByText("file", { exact: true })).toBeVisible();

  const [writer] = await client.call("containers.list", {});
  await client.call("containers.delete", { id: writer?.id ?? "" });
  await expect(volume.getByText("no container")).toBeVisible();
  const reader = await makeContainer(client, {
    ...{ name: "reader", imageId, args: ["sleep", "600"] },
    mounts: [{ type: "volume", source: "notes", target: "/in", readOnly: true }],
  });
  const { stdout } = await client.call("containers.exec", {
    id: reader.id,
    args: ["cat", "/in/file"],
  });
  expect(Buffer.from(stdout).toString()).toBe("kept\n");
  await page.keyboard.press("Control+1");
  await expect(window.row("reader")).toContainText("Running");
  await client.call("containers.delete", { id: reader.id, force: true });

  await page.keyboard.press("Control+4");
  await volumeRow(page, "notes").click();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByText("No volumes yet")).toBeVisible();
});
