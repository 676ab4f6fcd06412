import { expect, test } from "../harness/test.ts";

test("the shims page shows a container's shim, and what follows when it is terminated", async ({
  page,
  window,
}) => {
  await window.create("held", "sleep 1000");
  await page.getByRole("navigation").getByRole("button", { name: "Shims" }).click();
  const row = page.getByRole("table", { name: "Shims" }).getByRole("row").filter({
    hasText: "held",
  });
  await expect(row).toContainText("Alive");
  await expect(row).toContainText("conmon");
  await expect(row).toContainText("KiB");
  await row.getByRole("button", { name: "Details of the shim of held" }).click();
  await expect(row).toContainText("Holds the container");
  await row.getByRole("button", { name: "Terminate the shim of held" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Terminate" }).click();
  await expect(row).toContainText("Lost");
  await page.keyboard.press("Control+1");
  await expect(window.row("held")).toContainText("Shim lost");
  await window.choose("held", "Stop");
  await expect(window.row("held")).toContainText("Exited");
  await page.keyboard.press("Control+7");
  await expect(page.getByText("No shims")).toBeVisible();
});
