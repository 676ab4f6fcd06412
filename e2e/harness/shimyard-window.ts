import { expect, type Locator, type Page } from "@playwright/test";

/** What a person sees and does, whichever program shows the window. */
export class ShimyardWindow {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  row(name: string): Locator {
    return this.page
      .getByRole("grid", { name: "Containers" })
      .getByRole("row")
      .filter({ has: this.page.getByRole("checkbox", { name: `Select ${name}`, exact: true }) });
  }

  get inspector(): Locator {
    return this.page.getByRole("complementary");
  }

  get dock(): Locator {
    return this.page.getByRole("region", { name: "Terminals and logs" });
  }

  /** Through the dialog, from the starter image, started at once. */
  async create(name: string, command: string): Promise<void> {
    const { page } = this;
    const first = page.getByRole("button", { name: "Create one from the starter image" });
    const another = page.getByRole("button", { name: "New container" });
    // Which of the two it is shows once the list has come.
    const listed = page.getByRole("checkbox", { name: /^Select (?!all)/ }).first();
    await expect(first.or(listed)).toBeVisible();
    await ((await first.isVisible()) ? first : another).click();
    const dialog = page.getByRole("dialog", { name: "New container" });
    await dialog.getByLabel("Name", { exact: true }).fill(name);
    await dialog.getByRole("textbox", { name: "Command" }).fill(command);
    await dialog.getByRole("button", { name: "Create and start" }).click();
    await expect(dialog).toBeHidden();
    await expect(this.row(name)).toContainText("Running");
  }

  /** From the menu of a row. */
  async choose(name: string, entry: string): Promise<void> {
    await this.row(name).click({ button: "right" });
    await this.page.getByRole("menuitem", { name: entry, exact: true }).click();
  }

  /** A new terminal in a container, ready to be typed into. */
  async openTerminal(name: string): Promise<Locator> {
    await this.choose(name, "Open a terminal");
    const terminal = this.page.getByRole("region", { name: `Terminal in ${name}` });
    await expect(terminal).toBeVisible();
    await terminal.click();
    return terminal;
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text, { delay: 5 });
    await this.page.keyboard.press("Enter");
  }

  /** Waits until the terminal that has the focus shows the text, as its own search finds it. */
  async expectOnScreen(terminal: Locator, text: string): Promise<void> {
    await terminal.click();
    await this.page.keyboard.press("Control+Shift+F");
    const search = this.dock.getByRole("search");
    const box = search.getByLabel("Search this terminal");
    await expect(async () => {
      await box.fill("");
      await box.fill(text);
      await expect(search.locator("[aria-live]")).toHaveText(/\d+ of \d+/, { timeout: 500 });
    }).toPass({ timeout: 15_000 });
    await box.press("Escape");
    await terminal.click();
  }
}
