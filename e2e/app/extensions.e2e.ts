import { expect, test } from "../harness/test.ts";

test("an extension is installed, shows its panel within its bounds, acts on a container, and is removed", async ({
  app,
  page,
  window,
}) => {
  await window.create("writes", "sh -c 'head -c 300000 /dev/zero > /file; sleep 1000'");
  const pages = page.getByRole("navigation");
  await pages.getByRole("button", { name: "Extensions" }).click();
  const card = page.getByRole("article", { name: "Disk use" });
  await card.getByRole("button", { name: "Install…" }).click();
  const dialog = page.getByRole("dialog", { name: "Install Disk use?" });
  await expect(dialog).toContainText("without network");
  await dialog.getByRole("button", { name: "Install" }).click();
  await expect(card).toContainText("Running");

  await card.getByRole("button", { name: "Open its panel" }).click();
  const panel = page.frameLocator('iframe[title="Disk use"]');
  const row = panel.getByRole("row").filter({ hasText: "writes" });
  await expect(row).toContainText(/29\d KiB|30\d KiB/);
  // No origin, so no way to the window's page, its cookies or its storage; and no connections.
  const frame = page
    .frames()
    .find((one) => one.url().startsWith("http://127.0.0.1") && one !== page.mainFrame());
  const reached = await frame?.evaluate(async (address) => {
    const failure = async (what: () => unknown): Promise<string> => {
      try {
        await what();
        return "reached";
      } catch (error) {
        return (error as Error).name;
      }
    };
    return {
      origin: self.origin,
      parent: await failure(() => parent.document.title),
      storage: await failure(() => localStorage.length),
      cookie: await failure(() => document.cookie),
      api: await failure(() => fetch(address)),
      window: await failure(() => (open(address) === null ? Promise.reject(new Error()) : 1)),
    };
  }, app.url);
  expect(reached).toEqual({
    ...{ origin: "null", parent: "SecurityError", storage: "SecurityError" },
    ...{ cookie: "SecurityError", api: "TypeError", window: "Error" },
  });

  await page.getByRole("button", { name: "All extensions" }).click();
  await card.getByRole("button", { name: /What it may do/ }).click();
  await card.getByRole("checkbox", { name: /how much disk/ }).click();
  await card.getByRole("button", { name: "Open its panel" }).click();
  await expect(panel.getByRole("alert")).toContainText("may not use containers.diskUse");
  await page.getByRole("button", { name: "All extensions" }).click();
  await card.getByRole("button", { name: /What it may do/ }).click();
  await card.getByRole("checkbox", { name: /how much disk/ }).click();

  await page.keyboard.press("Control+1");
  await window.choose("writes", "Show disk use");
  await expect(page.getByRole("dialog")).toContainText("files written");
  await page.getByRole("dialog").getByText("Close", { exact: true }).click();

  await pages.getByRole("button", { name: "Extensions" }).click();
  await card.getByRole("button", { name: "Remove Disk use" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(card.getByRole("button", { name: "Install…" })).toBeVisible();
});
