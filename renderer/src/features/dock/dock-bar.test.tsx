import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Terminal } from "#shared/contract/terminals";
import { removeTab, syncTerminals, terminalKey } from "../../state/dock.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeId } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { DockBar } from "./dock-bar.tsx";

vi.setConfig({ testTimeout: 30_000 });

const terminal = (n: number, args: string[], more: Partial<Terminal> = {}): Terminal => ({
  ...{ id: `t${n}`, containerId: fakeId(3), kind: "exec", args, createdAt: n, status: "running" },
  ...more,
});

async function bar(terminals: Terminal[]) {
  const core = new FakeCore();
  core.terminals.put(...terminals);
  renderWith(core, <DockBar onClose={() => undefined} />);
  syncTerminals(terminals);
  await screen.findAllByText(/^orders-worker/);
  return core;
}

const names = () => screen.getAllByRole("tab").map((tab) => tab.textContent);

it("tells terminals that run the same apart, by the user and else by a number that stays", async () => {
  await bar([
    terminal(1, ["/bin/sh"]),
    terminal(2, ["/bin/sh"]),
    terminal(3, ["sh"], { user: "www" }),
    terminal(4, ["/bin/sh"]),
    terminal(5, ["psql", "-U", "app"]),
  ]);
  await waitFor(() =>
    expect(names()).toEqual([
      "orders-worker · sh 1",
      "orders-worker · sh 2",
      "orders-worker · sh as www",
      "orders-worker · sh 4",
      "orders-worker · psql -U app",
    ]),
  );
  removeTab(terminalKey("t1"));
  await waitFor(() => expect(names()[0]).toBe("orders-worker · sh 2"));
  removeTab(terminalKey("t4"));
  await waitFor(() => expect(names()[0]).toBe("orders-worker · sh"));
});

it("lets a terminal be named, by its menu and by F2, and takes an empty name back", async () => {
  await bar([terminal(1, ["sh"]), terminal(2, ["sh"])]);
  const user = userEvent.setup();
  await user.pointer({ keys: "[MouseRight]", target: await screen.findByText(/sh 2/) });
  await user.click(await screen.findByRole("menuitem", { name: /Rename/ }));
  await user.type(await screen.findByLabelText("New name of orders-worker · sh 2"), "jobs{Enter}");
  await waitFor(() => expect(names()).toEqual(["orders-worker · sh", "orders-worker · jobs"]));

  const rename = async (typed: string) => {
    const tab = screen.getByRole("tab", { name: /jobs/ });
    tab.focus();
    await user.keyboard("{F2}");
    const field = await screen.findByLabelText("New name of orders-worker · jobs");
    await user.clear(field);
    await user.type(field, typed);
  };
  await rename("other{Escape}");
  expect(names()[1]).toBe("orders-worker · jobs");
  await rename("{Enter}");
  await waitFor(() => expect(names()).toEqual(["orders-worker · sh 1", "orders-worker · sh 2"]));
});
