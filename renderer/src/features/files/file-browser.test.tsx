import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { FileSource } from "#shared/contract/files";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeContainers } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { FileBrowser } from "./file-browser.tsx";

vi.setConfig({ testTimeout: 30_000 });

const [web] = fakeContainers();
const container: FileSource = { kind: "container", id: web?.id ?? "" };

function browse(source: FileSource = container): { core: FakeCore; user: UserEvent } {
  const core = new FakeCore();
  renderWith(core, <FileBrowser source={source} />);
  return { core, user: userEvent.setup() };
}

const grid = (name: string) => screen.findByRole("grid", { name: `Files in ${name}` });
const row = (name: string): HTMLElement => {
  const found = screen.getAllByRole("row").find((each) => within(each).queryByText(name));
  if (!found) throw new Error(`${name} is not listed`);
  return found;
};
const called = (core: FakeCore, method: string) =>
  core.calls.filter((call) => call.method === method).map(({ input }) => input);

async function goTo(user: UserEvent, path: string): Promise<HTMLElement> {
  (await screen.findByRole("grid")).focus();
  await user.keyboard("{Control>}l{/Control}");
  const field = screen.getByRole("textbox", { name: "Go to path" });
  await user.clear(field);
  await user.type(field, `${path}{Enter}`);
  return grid(path);
}

it("goes down and up by keys, and finds a name by its first letters", async () => {
  const { user } = browse();
  (await grid("/")).focus();
  await user.keyboard("sr{Enter}");
  (await grid("/srv")).focus();
  await user.keyboard("{ArrowDown}{Enter}");
  await grid("/srv/app");
  await user.keyboard("{Backspace}");
  await grid("/srv");
  // Where one came from is what is chosen.
  expect(row("app").getAttribute("aria-selected")).toBe("true");
  await user.click(screen.getByRole("button", { name: "/" }));
  await grid("/");
});

it("shows owners, modes, what changed, where links lead and what is no UTF-8", async () => {
  const { user } = browse();
  await goTo(user, "/srv/app");
  expect(row("config.toml").textContent).toContain("-rw-r--r--");
  expect(within(row("config.toml")).getByLabelText("modified")).toBeTruthy();
  expect(row("orders.py").textContent).toContain("app:root");
  expect(row("latest").textContent).toContain("→ /srv/releases/41");
  expect(within(row("caf\ufffd.txt")).getByLabelText("added")).toBeTruthy();
});

it("shows a text with its line numbers, and says what is none", async () => {
  const { user } = browse();
  await goTo(user, "/srv/app");
  await user.dblClick(screen.getByText("config.toml"));
  const viewer = await screen.findByRole("region", { name: "Text of config.toml" });
  await within(viewer).findByText(/8 lines/);
  await user.keyboard("{Escape}");
  await grid("/srv/app");
  await goTo(user, "/bin");
  await user.dblClick(screen.getByText("busybox"));
  expect(await screen.findByText("It is no text")).toBeTruthy();
});

it("renames to the exact bytes, and refuses what is no name", async () => {
  const { core, user } = browse();
  (await goTo(user, "/srv/app")).focus();
  await user.click(screen.getByText("caf\ufffd.txt"));
  await user.keyboard("{F2}");
  const field = screen.getByRole("textbox", { name: "New name of caf\ufffd.txt" });
  await user.clear(field);
  await user.type(field, "a/b{Enter}");
  expect(screen.getByText("A name can't have a slash in it")).toBeTruthy();
  await user.clear(field);
  await user.type(field, "cafe.txt{Enter}");
  await screen.findByText("cafe.txt");
  expect(called(core, "files.rename")).toEqual([
    { source: container, path: "/srv/app/caf\udce9.txt", to: "/srv/app/cafe.txt" },
  ]);
});

it("deletes only what was confirmed", async () => {
  const { core, user } = browse();
  await goTo(user, "/srv/app");
  await user.click(screen.getByText("config.toml"));
  await user.keyboard("{Delete}");
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText("/srv/app/config.toml")).toBeTruthy();
  expect(called(core, "files.delete")).toEqual([]);
  await user.click(dialog.getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(screen.queryByText("config.toml")).toBeNull());
});

it("uploads what is chosen or dropped, and replaces only when told to", async () => {
  const { user } = browse();
  await goTo(user, "/srv/app");
  const input = screen.getByLabelText("Files to upload");
  await user.upload(input, new File(["one"], "new.txt"));
  await screen.findByText("new.txt");
  const second = new File(["three"], "new.txt");
  const section = screen.getByRole("region", { name: "Files" });
  fireEvent.drop(section, { dataTransfer: { types: ["Files"], files: [second] } });
  const ask = async () => within(await screen.findByRole("dialog", { name: "Replace new.txt?" }));
  await user.click((await ask()).getByRole("button", { name: "Cancel" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(row("new.txt").textContent).toContain("3 B");
  fireEvent.drop(section, { dataTransfer: { types: ["Files"], files: [second] } });
  await user.click((await ask()).getByRole("button", { name: "Replace" }));
  await waitFor(() => expect(row("new.txt").textContent).toContain("5 B"));
});

it("asks for each of several files that are there already", async () => {
  const { user } = browse();
  await goTo(user, "/srv/app");
  const input = screen.getByLabelText("Files to upload");
  const files = ["1.txt", "2.txt", "3.txt"].map((name) => new File(["one"], name));
  await user.upload(input, files);
  await screen.findByText("3.txt");
  await user.upload(
    input,
    files.map(({ name }) => new File(["three"], name)),
  );
  const ask = async (name: string) =>
    within(await screen.findByRole("dialog", { name: `Replace ${name}?` }));
  await user.click((await ask("1.txt")).getByRole("button", { name: "Replace" }));
  await user.click((await ask("2.txt")).getByRole("button", { name: "Cancel" }));
  await user.click((await ask("3.txt")).getByRole("button", { name: "Replace" }));
  await waitFor(() => expect(row("3.txt").textContent).toContain("5 B"));
  expect(row("1.txt").textContent).toContain("5 B");
  expect(row("2.txt").textContent).toContain("3 B");
  expect(screen.queryByRole("dialog")).toBeNull();
});

it("lists what changed since the image, and leads to where it is", async () => {
  const { user } = browse();
  await grid("/");
  await user.click(screen.getByRole("button", { name: "Changed files" }));
  const list = within(await screen.findByRole("listbox", { name: "Changed files" }));
  expect(list.getByText("motd")).toBeTruthy();
  await user.click(screen.getByRole("radio", { name: /Modified/ }));
  expect(list.queryByText("motd")).toBeNull();
  await user.dblClick(list.getByText("config.toml"));
  await grid("/srv/app");
  expect(row("config.toml").getAttribute("aria-selected")).toBe("true");
});

it("changes nothing in an image, and says why", async () => {
  const { user } = browse({ kind: "image", id: "i1" });
  (await grid("/")).focus();
  for (const name of ["Upload files", "New directory", "Copy from this machine", "Changed files"]) {
    expect(screen.getByRole("button", { name }).getAttribute("aria-disabled")).toBe("true");
  }
  await user.keyboard("{ArrowDown}{F2}{Delete}");
  expect(screen.queryByRole("dialog")).toBeNull();
  expect(screen.queryByRole("textbox")).toBeNull();
  await user.pointer({ target: screen.getByText("etc"), keys: "[MouseRight]" });
  expect((await screen.findByRole("menuitem", { name: /^Delete/ })).textContent).toContain(
    "An image is never changed",
  );
});

it("says why a directory can't be shown, and leads out of it", async () => {
  const { user } = browse();
  (await grid("/")).focus();
  await user.keyboard("{Control>}l{/Control}");
  const field = screen.getByRole("textbox", { name: "Go to path" });
  await user.clear(field);
  await user.type(field, "/none{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("it is not there");
  await user.click(screen.getByRole("button", { name: "Go up" }));
  await grid("/");
});
