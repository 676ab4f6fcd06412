import { join } from "node:path";
import { test } from "../harness/test.ts";
import { makeScene } from "./scene.ts";

const docs = join(import.meta.dirname, "../../docs");
/** Milliseconds: a row's line shows the last minute, so that is how long there must be one. */
const minute = 65_000;
/** Pixels: the list above then has its checkpoints in view. */
const dockHeight = 214;

test.use({ viewport: { width: 1440, height: 940 }, colorScheme: "dark" });

test("the window, dark and light", async ({ home, page }) => {
  const app = await home.startHeadless();
  await makeScene(await app.connect(), join(home.root, "made"));
  await page.addInitScript((height) => {
    const layout = { state: { dockHeight: height }, version: 1 };
    localStorage.setItem("shimyard.layout", JSON.stringify(layout));
  }, dockHeight);
  await page.goto(app.url);
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });

  await row("orders-worker").click();
  await page.keyboard.press("e");
  const terminal = page.getByRole("region", { name: "Terminal in orders-worker" });
  await terminal.getByRole("textbox").waitFor();
  await page.waitForTimeout(minute);
  for (const line of ["clear", "hostname -i", "ls /bin | wc -l", "ls -d /var/spool/* /etc/h*"]) {
    await page.keyboard.type(`${line}\n`, { delay: 20 });
    await page.waitForTimeout(300);
  }

  // The logs in the other half, without taking the terminal's place.
  await row("orders-worker").click();
  await page.keyboard.press("l");
  await page.getByRole("button", { name: "Split" }).click();
  await page.mouse.move(700, 660);
  await page.waitForTimeout(3000);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.waitForTimeout(1500);
    await page.screenshot({ path: join(docs, `${colorScheme}.png`) });
  }
});
