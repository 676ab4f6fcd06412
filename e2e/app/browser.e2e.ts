import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test } from "../harness/test.ts";
import { useContainer } from "./journey.ts";

test("in a browser: create, exec, type, resize, read and search logs, pause, stop, start, delete", async ({
  page,
  window,
}) => {
  await useContainer(window, () => page.setViewportSize({ width: 1100, height: 760 }));
});

test("without its token the window and its calls are refused", async ({ home, page, context }) => {
  const app = await home.startHeadless();
  const { origin } = new URL(app.url);
  expect((await page.goto(origin))?.status()).toBe(401);
  await page.goto(app.url);
  await expect(page.getByRole("heading", { name: "Containers", exact: true })).toBeVisible();
  expect(new URL(page.url()).search).toBe("");
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
});

test("the window finds its containers again when the app comes back", async ({ home, page }) => {
  const first = await home.startHeadless();
  await page.goto(first.url);
  const window = new ShimyardWindow(page);
  await window.create("stays", "sleep 1000");
  await first.kill9();
  await expect(page.getByText(/reconnect|connection/i).first()).toBeVisible();
  const second = await home.startHeadless();
  await page.goto(second.url);
  await expect(window.row("stays")).toContainText("Running");
});

test("a window whose app has ended says so on every page, and how it comes back", async ({
  app,
  page,
  window,
}) => {
  await expect(page.getByText("No containers yet")).toBeVisible();
  await app.kill9();
  const notice = page.getByText("start it again and open the address that it prints");
  await expect(notice).toBeVisible();
  await page
    .getByRole("navigation")
    .getByRole("button", { name: /^Networks/ })
    .click();
  await expect(notice).toBeVisible();
  await expect(window.dock).toBeVisible();
});
