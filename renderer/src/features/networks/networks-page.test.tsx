import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { NetworksPage } from "./networks-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const card = async (name: string) =>
  within(await screen.findByRole("region", { name: `Network ${name}` }));

it("shows who is in each network, and removes only an empty one of one's own", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <NetworksPage />);
  const bridge = await card("bridge");
  expect(bridge.getAllByRole("listitem")).toHaveLength(5);
  const remove = (within: Awaited<ReturnType<typeof card>>) =>
    within.getByRole("button", { name: /^Remove/ });
  expect(remove(bridge).getAttribute("aria-disabled")).toBe("true");
  expect(remove(await card("shop")).getAttribute("aria-disabled")).toBe("true");
  await user.click(remove(await card("vault")));
  const dialog = within(await screen.findByRole("dialog"));
  await user.click(dialog.getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(screen.queryByText("vault")).toBeNull());
});

it("creates one by its name alone, and says why it can't", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <NetworksPage />);
  await card("shop");
  await user.click(screen.getByRole("button", { name: "New network" }));
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByLabelText("Name"), "shop");
  await user.click(dialog.getByRole("button", { name: "Create" }));
  expect((await dialog.findByRole("alert")).textContent).toContain("already");
  await user.type(dialog.getByLabelText("Name"), "-two{Enter}");
  await card("shop-two");
  expect(core.calls.filter(({ method }) => method === "networks.create").at(-1)?.input).toEqual({
    ...{ name: "shop-two", subnet: undefined, gateway: undefined, internal: false },
  });
});

it("connects and disconnects a container", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <NetworksPage />);
  const vault = await card("vault");
  const connect = () => vault.getByRole("button", { name: /^Connect/ });
  // The containers have a stream of their own.
  await waitFor(() => expect(connect().getAttribute("aria-disabled")).toBeNull());
  await user.click(connect());
  const dialog = within(await screen.findByRole("dialog"));
  const ready = () => dialog.getByRole("button", { name: "Connect" }).getAttribute("aria-disabled");
  expect(ready()).toBe("true");
  await user.click(dialog.getByLabelText("Container"));
  const [item] = await screen.findAllByRole("option");
  const name = item?.querySelector(".truncate")?.textContent ?? "";
  await user.click(item as HTMLElement);
  await user.type(dialog.getByLabelText("IPv4 address"), "10.142.8");
  expect(dialog.getByRole("alert").textContent).toContain("10.89.0.7");
  expect(ready()).toBe("true");
  await user.type(dialog.getByLabelText("IPv4 address"), ".9");
  await user.type(dialog.getByLabelText("Aliases"), "db store");
  await user.click(dialog.getByRole("button", { name: "Connect" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(core.calls.find(({ method }) => method === "networks.connect")?.input).toMatchObject({
    network: { name: "vault", ip4: "10.142.8.9", aliases: ["db", "store"] },
  });
  await user.click(await vault.findByRole("button", { name: `Disconnect ${name} from vault` }));
  await waitFor(() => expect(vault.queryAllByRole("listitem")).toEqual([]));
});

it("says to an ordinary user what there is instead", async () => {
  renderWith(new FakeCore({ rootless: true }), <NetworksPage />);
  expect(await screen.findByText(/its ports can be published/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "New network" }).getAttribute("aria-disabled")).toBe(
    "true",
  );
});
