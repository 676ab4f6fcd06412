import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { manyContainers } from "../../testing/fake-data.ts";
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

it("draws the first of a thousand members, the rest when asked, and what changes of any", async () => {
  const containers = manyContainers(1000);
  const core = new FakeCore({ containers });
  const [network] = core.networks.items.values();
  const [member] = network?.members ?? [];
  if (!network || !member) throw new Error("The fake core has no member of a network");
  const members = containers.map(({ id, name }, n) => ({
    ...{ ...member, containerId: id, containerName: name, ip4: `10.0.${n >> 8}.${n & 255}` },
  }));
  core.networks.put({ ...network, members });
  renderWith(core, <NetworksPage />);
  const map = await card(network.id);
  await userEvent.setup().click(await map.findByRole("button", { name: "800 more" }));
  expect(map.queryByRole("button", { name: "800 more" })).toBeNull();
  expect(map.getByText("10.0.0.0")).toBeTruthy();
  expect(map.getByText("10.0.3.231")).toBeTruthy();
  const [first, ...others] = members;
  core.networks.put({ ...network, members: [{ ...member, ...first, ip4: "10.9.9.9" }, ...others] });
  expect(await map.findByText("10.9.9.9")).toBeTruthy();
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
