import { expect, test } from "../harness/test.ts";

test("a container is checked as the dialog says, and its health is seen as it changes", async ({
  app,
  page,
  window,
}) => {
  await window.create("first", "sleep 1000");

  await window.row("first").click();
  await page.keyboard.press("n");
  const dialog = page.getByRole("dialog", { name: "New container" });
  await dialog.getByLabel("Name", { exact: true }).fill("checked");
  await dialog.getByRole("textbox", { name: "Command" }).fill("sh -c 'touch /ok; exec sleep 1000'");
  await dialog.getByRole("button", { name: /^Health/ }).click();
  await dialog.getByLabel("Check", { exact: true }).fill("echo looked; test -e /ok");
  await dialog.getByLabel("Interval", { exact: true }).fill("1s");
  await dialog.getByLabel("Retries").fill("2");
  await dialog.getByRole("button", { name: "Create and start" }).click();
  await expect(dialog).toBeHidden();
  await expect(window.row("checked")).toContainText("Healthy");
  const results = window.inspector.getByRole("table", { name: "Its last checks" });
  await expect(results).toContainText("looked");

  const client = await app.connect();
  const [checked] = (await client.call("containers.list", {})).filter(
    ({ name }) => name === "checked",
  );
  const id = checked?.id ?? "";
  await client.call("containers.exec", { id, args: ["rm", "/ok"] });
  await expect(window.row("checked")).toContainText("Unhealthy");
  await expect(window.inspector).toContainText(/the last \d+ checks failed/);
  await window.inspector.getByRole("tab", { name: "Events" }).click();
  await expect(window.inspector).toContainText("is unhealthy: 2 checks in a row have failed");
  await client.call("containers.stop", { id, graceSeconds: 0 });
  await expect(window.row("checked")).toContainText("Exited");
});

test("a container is exported as a unit, and one that is deleted when it ends is gone", async ({
  app,
  page,
  window,
}) => {
  await window.create("kept", "sleep 1000");
  await window.choose("kept", "Export as a systemd unit or Quadlet…");
  const unit = page.getByRole("dialog", { name: "Export kept as a unit" });
  await unit.getByRole("radio", { name: "Quadlet" }).click();
  await expect(unit).toContainText("ContainerName=kept");
  const saving = page.waitForEvent("download");
  // Where the browser lets a page write files it would ask where, which nobody here answers.
  await page.evaluate(() => Reflect.deleteProperty(globalThis, "showSaveFilePicker"));
  await unit.getByRole("button", { name: "Save the file" }).click();
  expect((await saving).suggestedFilename()).toBe("container-kept.container");
  await page.keyboard.press("Escape");

  const client = await app.connect();
  const [kept] = await client.call("containers.list", {});
  const { config } = await client.call("containers.get", { id: kept?.id ?? "" });
  await client.call("containers.create", {
    config: { ...config, name: "passing", args: ["sleep", "2"], autoRemove: true },
    start: true,
  });
  await expect(window.row("passing")).toBeVisible();
  await expect(window.row("passing")).toBeHidden();
});
