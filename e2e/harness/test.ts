import { test as base } from "@playwright/test";
import type { HeadlessApp } from "./headless-app.ts";
import { Home } from "./home.ts";
import { ShimyardWindow } from "./shimyard-window.ts";

export { expect } from "@playwright/test";

interface Fixtures {
  /** Every test has a root of its own, and leaves nothing of it. */
  home: Home;
  /** An app on it. */
  app: HeadlessApp;
  /** That app's window, in the browser. */
  window: ShimyardWindow;
}

export const test = base.extend<Fixtures>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the parameter's form
  home: async ({}, use) => {
    const home = await Home.make();
    await use(home);
    await home.remove();
  },
  app: async ({ home }, use) => {
    await use(await home.startHeadless());
  },
  window: async ({ app, page }, use) => {
    await page.goto(app.url);
    await use(new ShimyardWindow(page));
  },
});
