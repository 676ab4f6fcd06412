import { test as base } from "@playwright/test";
import { Home } from "./home.ts";

export { expect } from "@playwright/test";

/** Every test has a root of its own, and leaves nothing of it. */
export const test = base.extend<{ home: Home }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the parameter's form
  home: async ({}, use) => {
    const home = await Home.make();
    await use(home);
    await home.remove();
  },
});
