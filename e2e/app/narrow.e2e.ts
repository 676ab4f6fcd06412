import type { Locator, Page } from "@playwright/test";
import { makeContainer, starterImage } from "../harness/containers.ts";
import { expect, test } from "../harness/test.ts";

test.use({ viewport: { width: 800, height: 700 } });

const pages = [
  ...["Containers", "Projects", "Images", "Volumes", "Networks", "Checkpoints"],
  ...["Shims", "Elsewhere", "Extensions", "Activity", "System"],
];

/** What of a page's bar lies outside of the window, by its words. */
const cutOff = (page: Page): Promise<string[]> =>
  page
    .locator(".page__bar")
    .locator("button, input, h1")
    .evaluateAll((parts) =>
      parts
        .filter((part) => part.getBoundingClientRect().right > window.innerWidth)
        .map((part) => part.textContent || part.tagName),
    );

test("in a narrow window pages keep their names, and their bars all that is in them", async ({
  home,
  page,
}) => {
  const app = await home.startHeadless();
  const client = await app.connect();
  const { id } = await makeContainer(client, {
    ...{ name: "part", imageId: await starterImage(client), args: ["sleep", "600"] },
    // The list's bar then has a choice of projects too.
    labels: { "com.docker.compose.project": "a-project-with-a-long-name" },
  });
  await page.goto(app.url);
  const rail = page.getByRole("navigation", { name: "Pages" });
  for (const name of pages) {
    const item: Locator = rail.getByRole("button", { name: new RegExp(`^${name}`) });
    await item.click();
    await expect(item).toHaveAttribute("aria-current", "page");
    await expect(page.locator(".page__bar")).toBeVisible();
    expect(await cutOff(page), name).toEqual([]);
  }
  await client.call("containers.delete", { id, force: true });
});
