import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { useContainer } from "../../queries/containers.ts";
import { useOverlay } from "../../state/overlays.ts";
import { HealthCard } from "./health-card.tsx";
import { RestartEditor } from "./restart-editor.tsx";

vi.setConfig({ testTimeout: 60_000 });

function Both(props: { id: string }) {
  const container = useContainer(props.id);
  if (!container) return null;
  return (
    <>
      <HealthCard container={container} />
      <dl>
        <RestartEditor container={container} />
      </dl>
    </>
  );
}

const idOf = (core: FakeCore, name: string): string =>
  [...core.containers.items.values()].find((container) => container.name === name)?.id ?? "";

it("keeps what is known of its health while the core is away, and follows it again", async () => {
  const core = new FakeCore();
  const { client } = core.connections.shown;
  const opened = vi.spyOn(client, "stream");
  const times = (): number =>
    opened.mock.calls.filter(([method]) => method === "containers.watchHealth").length;
  renderWith(core, <Both id={idOf(core, "api-gateway")} />);
  expect(await screen.findByText("Unhealthy")).toBeTruthy();
  core.breakStreams();
  await waitFor(() => expect(times()).toBe(2));
  expect(screen.getByText("Unhealthy")).toBeTruthy();
  expect(screen.queryByRole("alert")).toBeNull();
});

it("says how a container is, and shows what its last checks said, the newest first", async () => {
  const core = new FakeCore();
  renderWith(core, <Both id={idOf(core, "api-gateway")} />);
  expect(await screen.findByText("Unhealthy")).toBeTruthy();
  expect(screen.getByText("the last 3 checks failed")).toBeTruthy();
  const rows = within(screen.getByRole("table", { name: "Its last checks" })).getAllByRole("row");
  expect(rows).toHaveLength(6);
  expect(rows[1]?.textContent).toContain("It was killed after 30 s");
  expect(within(rows[1] as HTMLElement).getByText("none")).toBeTruthy();
  expect(rows[2]?.textContent).toContain("Connection refused");
  const { click } = userEvent.setup();
  await click(screen.getByRole("button", { name: "1 more" }));
  expect(screen.getAllByRole("row").at(-1)?.textContent).toContain("accepting connections");
});

it("shows nothing for a container that has no check", async () => {
  const core = new FakeCore();
  renderWith(core, <Both id={idOf(core, "orders-worker")} />);
  expect(await screen.findByText("Restarts")).toBeTruthy();
  expect(screen.queryByText("Health")).toBeNull();
});

it("says what a restart policy can't do, and offers what can", async () => {
  const core = new FakeCore();
  const id = idOf(core, "postgres");
  renderWith(core, <Both id={id} />);
  const { click } = userEvent.setup();
  await click(await screen.findByRole("button", { name: /Export as a systemd unit/ }));
  expect(useOverlay.getState().overlay).toEqual({ kind: "unit", id });
});
