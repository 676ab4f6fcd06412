import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import {
  pushed,
  skopeo,
  type SlowProxy,
  startSlowProxy,
  TestImages,
} from "#core/images/test-images";
import { startRegistry, type TestRegistry } from "#core/registry/testing";
import { ShimyardWindow } from "../harness/shimyard-window.ts";
import { expect, test } from "../harness/test.ts";

/** Milliseconds between two pieces of 64 KiB: all of the image would take minutes. */
const slow = 1000;

/** The page of images, as a person uses it. */
class Images {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async show(view: "Images" | "Registries"): Promise<void> {
    await this.#page.getByRole("button", { name: /^Images/ }).click();
    await this.#page.getByRole("radio", { name: view, exact: true }).click();
  }

  get rows(): Locator {
    return this.#page.getByRole("grid", { name: "Images" }).getByRole("checkbox", {
      name: /^Select (?!all)/,
    });
  }

  /** By one of its names. */
  row(name: string): Locator {
    return this.#page
      .getByRole("grid", { name: "Images" })
      .getByRole("row")
      .filter({ has: this.#page.locator(`[title~="${name}"]`) });
  }

  async choose(name: string, entry: string): Promise<Locator> {
    await this.row(name).click({ button: "right" });
    await this.#page.getByRole("menuitem", { name: entry, exact: true }).click();
    return this.#page.getByRole("dialog");
  }

  async more(entry: string): Promise<Locator> {
    await this.#page.getByRole("button", { name: "More for images" }).click();
    await this.#page.getByRole("menuitem", { name: entry, exact: true }).click();
    return this.#page.getByRole("dialog");
  }

  /** A pull or push that goes on. */
  transfer(reference: string): Locator {
    return this.#page.getByRole("listitem", { name: new RegExp(`^\\S.* ${reference}$`) });
  }
}

/** A registry with an image, and a slow way to it. */
const withImage = test.extend<{ source: { registry: TestRegistry; proxy: SlowProxy; id: string } }>(
  {
    source: async ({ home }, use) => {
      const registry = await startRegistry(join(home.root, "registry"));
      const proxy = await startSlowProxy(registry.host, slow);
      try {
        const made = await new TestImages(join(home.root, "made")).make({ random: 6_000_000 });
        await pushed(made, registry.host, "team/app:1");
        await use({ registry, proxy, id: made.id });
      } finally {
        await proxy.close();
        await registry.close();
      }
    },
  },
);

withImage(
  "in Electron: an image is pulled, run, tagged, pushed, saved, deleted, loaded and pruned",
  async ({ home, source }) => {
    const { registry, proxy, id } = source;
    const { page } = await home.startElectron();
    const window = new ShimyardWindow(page);
    const images = new Images(page);
    const pulled = `${proxy.host}/team/app:1`;

    await images.show("Registries");
    await page.getByRole("button", { name: "Add a registry…" }).click();
    const adding = page.getByRole("dialog", { name: "Add a registry" });
    await adding.getByLabel("Host").fill(proxy.host);
    await adding.getByRole("button", { name: "Add" }).click();
    const known = page.getByRole("table", { name: "Registries" }).getByRole("row").filter({
      hasText: proxy.host,
    });
    await known.getByRole("button", { name: "Test" }).click();
    await expect(known.getByRole("status")).toContainText(
      "It answers, also to nobody in particular",
    );

    await images.show("Images");
    const box = page.getByRole("combobox", { name: "Image to pull" });
    await box.fill(pulled);
    await box.press("Enter");
    const pulling = images.transfer(pulled);
    await pulling.getByRole("button", { expanded: false }).click();
    const layers = pulling.getByRole("list").getByRole("listitem");
    await expect(layers).toHaveCount(3);
    await expect(layers.filter({ hasText: "Downloading" }).first()).toBeVisible();
    const values = () =>
      layers
        .getByRole("progressbar")
        .evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("aria-valuenow"))));
    await expect.poll(async () => (await values()).some((now) => now > 0 && now < 100)).toBe(true);
    await expect(images.row(pulled)).toHaveCount(0);
    proxy.pause = 0;
    await expect(images.row(pulled)).toBeVisible();
    await expect(pulling).toHaveCount(0);

    const creating = await images.choose(pulled, "Run…");
    const command = creating.getByRole("textbox", { name: "Command" });
    await expect(command).toHaveValue("/bin/true");
    await command.fill("sh -c 'cat /etc/marker; exec sleep 1000'");
    await creating.getByLabel("Name", { exact: true }).fill("from-it");
    await creating.getByRole("button", { name: "Create and start" }).click();
    await expect(creating).toBeHidden();
    await page.getByRole("button", { name: /^Containers/ }).click();
    await expect(window.row("from-it")).toContainText("Running");
    await window.choose("from-it", "Logs");
    await expect(window.dock.getByRole("region", { name: "Logs of from-it" })).toContainText(
      "marked",
    );

    const again = `${registry.host}/team/again:2`;
    await images.show("Images");
    const tagging = await images.choose(pulled, "Tag…");
    await tagging.getByLabel("Name").fill(again);
    await tagging.getByRole("button", { name: "Tag" }).click();
    await expect(tagging).toBeHidden();
    await expect(images.row(pulled)).toContainText("+1");
    const pushing = await images.choose(pulled, "Push…");
    await pushing.getByLabel("As").selectOption(again);
    await expect(pushing).toContainText(`Goes to ${registry.host}, without signing in`);
    await pushing.getByRole("button", { name: "Push" }).click();
    await expect(page.getByRole("list", { name: "Notices" })).toContainText(again);
    const there = await skopeo("inspect", "--raw", "--tls-verify=false", `docker://${again}`);
    expect(JSON.parse(there)).toMatchObject({ config: { digest: `sha256:${id}` } });

    const archive = join(home.root, "saved.tar");
    const saving = await images.choose(pulled, "Save to an archive…");
    await saving.getByLabel("Archive to write").fill(archive);
    await saving.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("list", { name: "Notices" })).toContainText(`saved to ${archive}`);

    const held = await images.choose(pulled, "Delete…");
    await expect(held.getByRole("list", { name: "What stays" })).toContainText("from-it");
    await expect(held.getByRole("button", { name: "Delete" })).toHaveAttribute(
      "aria-disabled",
      "true",
    );
    await held.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: /^Containers/ }).click();
    await window.choose("from-it", "Delete…");
    await page.getByRole("button", { name: "Kill and delete" }).click();
    await expect(window.row("from-it")).toHaveCount(0);
    await images.show("Images");
    const deleting = await images.choose(pulled, "Delete…");
    await expect(deleting).toContainText(/Frees \d+(\.\d+)? MiB/);
    await deleting.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByText("No images yet")).toBeVisible();

    const loading = await images.more("Load or import…");
    await loading.getByLabel("Archive").fill(archive);
    await loading.getByRole("button", { name: "Load" }).click();
    await expect(images.row(pulled)).toContainText("+1");

    const pruning = await images.more("Prune images…");
    await expect(pruning).toContainText("There is no image without a name");
    await pruning.getByRole("radio", { name: "All unused" }).click();
    await expect(pruning.getByRole("list", { name: "What goes" })).toContainText(
      /team\/(app:1|again:2)/,
    );
    await expect(pruning).toContainText(/Frees \d+(\.\d+)? MiB/);
    await pruning.getByRole("button", { name: "Remove 1 image" }).click();
    await expect(page.getByText("No images yet")).toBeVisible();
    await expect(images.rows).toHaveCount(0);
  },
);
