import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { Event } from "#shared/contract/activity";
import { useSelection } from "../../state/selection.ts";
import { FakeCore } from "../../testing/fake-client.ts";
import { fakeId } from "../../testing/fake-data.ts";
import { renderWith } from "../../testing/render.tsx";
import { ActivityPage } from "./activity-page.tsx";

vi.setConfig({ testTimeout: 30_000 });

const event = (seq: number, topic: string, data: Event["data"] = {}): Event => ({
  seq,
  time: Date.UTC(2026, 10, 22, 12, 0, seq),
  topic,
  namespace: "default",
  containerId: fakeId(3),
  containerName: "orders-worker",
  data,
});

it("shows what failed with the words of who refused, and cancels what runs", async () => {
  const core = new FakeCore();
  const user = userEvent.setup();
  renderWith(core, <ActivityPage />);
  await user.click(await screen.findByRole("tab", { name: /Operations/ }));
  const failed = (await screen.findByText("Checkpointing legacy-ftp")).closest("li");
  expect(failed).not.toBeNull();
  const inFailed = within(failed as HTMLElement);
  expect(inFailed.getByText(/Failed/)).toBeTruthy();
  await user.click(inFailed.getByRole("button", { name: "What it said" }));
  expect(inFailed.getByText(/Connected TCP socket/)).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Cancel" }));
  expect(core.calls).toContainEqual({ method: "activity.cancel", input: { id: "op-1" } });
});

it("has what happened while the core was away", async () => {
  const core = new FakeCore({ events: [event(1, "/tasks/paused"), event(2, "/tasks/resumed")] });
  renderWith(core, <ActivityPage />);
  const log = await screen.findByRole("log");
  await within(log).findByText("resumed");
  core.events.push(event(3, "/tasks/oom"));
  core.breakStreams();
  await within(log).findByText("ran out of memory");
  expect(log.querySelectorAll(".events__row")).toHaveLength(3);
});

it("tells events in words, with what the core wrote behind them", async () => {
  const events = [
    event(1, "/containers/create", { image: "busybox:host" }),
    event(2, "/shimyard/start-failed", { error: "no such file" }),
    event(3, "/tasks/exit", { process: "init", code: "137", oomKilled: "true" }),
    event(4, "/tasks/exec-started", { process: "term-1", args: "psql -U app" }),
    event(5, "/elsewhere/odd"),
    event(6, "/networks/connect", { network: "backend" }),
    event(7, "/images/create", { name: "team/app:1", origin: "pulled" }),
  ];
  renderWith(new FakeCore({ events }), <ActivityPage />);
  const log = await screen.findByRole("log");
  const rows = [...log.querySelectorAll(".events__row")];
  const words = rows.map((row) => row.textContent ?? "");
  expect(words[0]).toContain("image madeteam/app:1");
  expect(words[1]).toContain("orders-worker joined a networkbackend");
  expect(words[2]).toContain("orders-worker elsewhere odd");
  expect(words[3]).toContain("orders-worker opened a terminalpsql -U app");
  expect(words[4]).toContain("orders-worker ran out of memory and was killed");
  expect(words[5]).toContain("orders-worker could not be startedno such file");
  expect(words[6]).toContain("orders-worker createdbusybox:host");
  expect(words.join("")).not.toContain("/tasks/");
  expect(rows[4]?.getAttribute("title")).toBe(
    "/tasks/exit\nprocess=init\ncode=137\noomKilled=true",
  );
});

it("tells a restart by policy with the exit that it answers", async () => {
  const events = [event(1, "/shimyard/restarting", { count: "2", code: "3" })];
  renderWith(new FakeCore({ events }), <ActivityPage />);
  const log = await screen.findByRole("log");
  expect(log.textContent).toContain(
    "exited with 3, and is started again by its restart policyrestart 2",
  );
});

it("names the container whose events are shown, though it is deleted", async () => {
  const user = userEvent.setup();
  const core = new FakeCore({ events: [event(1, "/tasks/paused")] });
  renderWith(core, <ActivityPage />);
  const choice = await screen.findByRole<HTMLSelectElement>("combobox", { name: "Container" });
  await user.selectOptions(choice, await within(choice).findByText("orders-worker"));
  core.containers.remove(fakeId(3));
  await within(choice).findByText("orders-worker, deleted");
  expect(choice.value).toBe(fakeId(3));
});

it("leads from an event to its container", async () => {
  const user = userEvent.setup();
  renderWith(new FakeCore({ events: [event(1, "/tasks/paused")] }), <ActivityPage />);
  const log = within(await screen.findByRole("log"));
  await user.click(await log.findByRole("button", { name: "orders-worker" }));
  await waitFor(() => expect(useSelection.getState().inspected).toBe(fakeId(3)));
});
