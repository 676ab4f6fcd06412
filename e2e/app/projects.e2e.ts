import { expect, test } from "../harness/test.ts";

const compose = (image: string): string => `name: shop
services:
  web:
    image: ${image}
    command: ["sh", "-c", "echo web is up; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    mem_swappiness: 10
    depends_on: { db: { condition: service_healthy } }
  db:
    image: ${image}
    command: ["sh", "-c", "echo db is up; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    healthcheck: { test: "true", interval: 200ms }
`;

test("a pasted compose file: notes before anything starts, up, logs, stop one, down", async ({
  app,
  page,
  window,
}) => {
  const client = await app.connect();
  const { names } = await client.call("images.ensureStarter", {});
  await page.getByRole("navigation").getByRole("button", { name: "Projects" }).click();
  await page.getByRole("button", { name: "Import a compose file" }).click();
  const dialog = page.getByRole("dialog", { name: "Import a compose file" });
  await dialog.getByLabel("compose.yaml").fill(compose(names[0] ?? ""));
  const notes = dialog.getByRole("list", { name: "Notes on the compose file" });
  await expect(notes).toContainText("line 6");
  await expect(notes).toContainText("How readily it is swapped out");
  await expect(dialog.getByRole("table")).toContainText("shop-db-1 created");
  await dialog.getByRole("button", { name: "Import and bring up" }).click();

  const services = page.getByRole("table", { name: "Services of shop" });
  const service = (name: string) => services.getByRole("rowgroup").filter({ hasText: name });
  await expect(service("shop-web-1")).toContainText("Running");
  await expect(service("shop-db-1")).toContainText("Healthy");
  await page.getByRole("tab", { name: "Logs" }).click();
  await expect(page.getByText("db is up")).toBeVisible();
  await expect(page.getByText("web is up")).toBeVisible();
  await page.getByRole("tab", { name: "Compose file" }).click();
  await expect(page.getByRole("region", { name: "compose.yaml" })).toContainText(
    "How readily it is swapped out",
  );
  await page.getByRole("tab", { name: "Services" }).click();
  await services.getByRole("button", { name: "Stop web" }).click();
  await expect(service("shop-web-1")).toContainText("Exited 0");

  await page.getByRole("navigation").getByRole("button", { name: "Containers" }).click();
  await page.getByRole("button", { name: "Project", exact: true }).click();
  await page
    .getByRole("menuitem", { name: "shop" })
    .or(page.getByRole("menuitemradio", { name: "shop" }))
    .click();
  await expect(window.row("shop-db-1")).toContainText("Healthy");
  await page.getByRole("navigation").getByRole("button", { name: "Projects" }).click();
  await page.getByRole("button", { name: "Bring down…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Bring down" }).click();
  await expect(page.getByRole("heading", { name: "shop" }).locator("..")).toContainText("Not up");
  expect(await client.call("containers.list", {})).toEqual([]);
});
