import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { AsyncQueue } from "#shared/base/async-queue";
import type { Shim } from "#shared/contract/shims";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeContainers } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { compareShims, memoryOf } from "./shim-state.ts";
import { ShimsPage } from "./shims-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const id = "a1".repeat(32);
const shim = (more: Partial<Shim> = {}): Shim => ({
  ...{ id: `default/${id}`, namespace: "default", containerId: id, status: "alive" },
  ...{ kind: "conmon", version: "2.1.6", runtimeId: "oci/runc" },
  runtime: { name: "runc", path: "/usr/sbin/runc", version: "1.1.5" },
  processes: [{ pid: 4711, role: "shim", process: "init" }],
  ...{ startedAt: Date.now() - 60_000, bundle: `/b/${id}`, address: `/b/${id}/ctl` },
  ...more,
});
const page = (shims: Shim[]): FakeCore => {
  const core = new FakeCore({ containers: [], shims });
  renderWith(core, <ShimsPage />);
  return core;
};

it("shows a shim with its pid, memory and, opened, where it is spoken to", async () => {
  page([shim()]);
  const row = within((await screen.findByText("4711")).closest("[role=row]") as HTMLElement);
  expect(row.getByText("Alive")).toBeTruthy();
  await waitFor(() => expect(row.getByText("363")).toBeTruthy());
  await userEvent.click(row.getByRole("button", { name: /Details/ }));
  expect(row.getByText(`/b/${id}/ctl`)).toBeTruthy();
  expect(await row.findByText("It has written no log.")).toBeTruthy();
});

it("shows the memory and the name that it has now", async () => {
  const [container] = fakeContainers();
  if (!container) throw new Error("The fake core has no container");
  const held = { id: `default/${container.id}`, containerId: container.id };
  const core = new FakeCore({ containers: [container], shims: [shim(held)] });
  const { client } = core.connections.shown;
  const stream = client.stream.bind(client) as (...args: unknown[]) => AsyncIterableIterator<never>;
  const memory = new AsyncQueue<Record<string, { rss: number; pss: number }>>();
  vi.spyOn(client, "stream").mockImplementation(((method: string, ...rest: unknown[]) =>
    method === "shims.watchMemory" ? memory : stream(method, ...rest)) as typeof client.stream);
  renderWith(core, <ShimsPage />);
  const row = within((await screen.findByText("4711")).closest("[role=row]") as HTMLElement);
  memory.push({ 4711: { rss: 2 ** 20, pss: 500 * 1024 } });
  expect(await row.findByText("500")).toBeTruthy();
  memory.push({ 4711: { rss: 2 ** 20, pss: 600 * 1024 } });
  expect(await row.findByText("600")).toBeTruthy();
  core.containers.patch(container.id, (one) => ({ ...one, name: "renamed" }));
  expect(await row.findByRole("button", { name: "renamed" })).toBeTruthy();
});

it("shows memory again when the core is back", async () => {
  const core = page([shim()]);
  const row = within((await screen.findByText("4711")).closest("[role=row]") as HTMLElement);
  await waitFor(() => expect(row.getByText("363")).toBeTruthy());
  core.breakStreams();
  await waitFor(() => expect(row.queryByText("363")).toBeNull());
  await waitFor(() => expect(row.getByText("363")).toBeTruthy());
});

it("terminates only what was confirmed, and says what follows", async () => {
  const core = page([shim()]);
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: /Terminate/ }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/The container itself runs on/)).toBeTruthy();
  expect(core.calls.filter(({ method }) => method === "shims.terminate")).toEqual([]);
  await user.click(dialog.getByRole("button", { name: "Terminate" }));
  expect(await screen.findByText("Lost")).toBeTruthy();
  const button = screen.getByRole("button", { name: /Terminate/ });
  expect(button.getAttribute("aria-disabled")).toBe("true");
});

it("shows a broken bundle with its reason, and removes it", async () => {
  const core = page([
    shim({
      ...{ status: "broken", kind: "", processes: [] },
      error: { code: "DATA_LOSS", message: "state.json is damaged", details: {} },
    }),
  ]);
  const user = userEvent.setup();
  expect((await screen.findByRole("alert")).textContent).toContain("state.json is damaged");
  await user.click(screen.getByRole("button", { name: /Remove what is left/ }));
  await user.click(
    within(await screen.findByRole("dialog")).getByRole("button", { name: "Remove" }),
  );
  expect(await screen.findByText("No shims")).toBeTruthy();
  expect(core.calls.at(-1)).toEqual({ method: "shims.discard", input: { id: `default/${id}` } });
});

it("shows one shim with its several containers, and whom its end takes along", async () => {
  const other = "b2".repeat(32);
  const kind = "containerd-shim-runc-v2";
  const log = (pid: number) => ({ pid, role: "log" as const, process: "init" });
  const holds = { pid: 4711, role: "shim" as const, process: "init" };
  page([
    shim({ kind, processes: [holds, log(1)], sharedWith: [`default/${other}`] }),
    shim({
      ...{ kind, processes: [holds, log(2)], sharedWith: [`default/${id}`] },
      ...{ id: `default/${other}`, containerId: other },
    }),
  ]);
  const row = within((await screen.findByText("4711")).closest("[role=row]") as HTMLElement);
  expect(row.getByText(id.slice(0, 12))).toBeTruthy();
  expect(row.getByText(other.slice(0, 12))).toBeTruthy();
  expect(screen.getByText(/^1 shim/)).toBeTruthy();
  await userEvent.click(row.getByRole("button", { name: /Details/ }));
  expect(row.getByText("Holds the containers")).toBeTruthy();
  for (const pid of ["1", "2"]) expect(row.getByText(pid)).toBeTruthy();
  await userEvent.click(row.getByRole("button", { name: /Terminate/ }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/It holds 2 containers, and is lost to all of them/)).toBeTruthy();
});

it("trouble comes first, and memory is the sum of what is known", () => {
  const alive = shim();
  const lost = shim({ id: "default/lost", status: "lost" });
  expect([alive, lost].sort(compareShims)).toEqual([lost, alive]);
  expect(memoryOf(alive.processes, {})).toBeUndefined();
  expect(
    memoryOf([...alive.processes, { pid: 1, role: "exec", process: "e" }], {
      4711: { rss: 9, pss: 3 },
      1: { rss: 5 },
    }),
  ).toBe(8);
});

it("names the shim of an extension as what it is", async () => {
  page([shim({ id: "extensions/disk-use", namespace: "extensions", containerId: "disk-use" })]);
  const name = await screen.findByRole("button", { name: "Disk use" });
  expect(name.closest("[role=cell]")?.textContent).toBe("Disk useextension");
  expect(screen.getByRole("button", { name: "Terminate the shim of Disk use" })).toBeTruthy();
});
