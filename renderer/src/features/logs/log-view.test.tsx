import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { LogView } from "./log-view.tsx";

it("goes to a match when Enter follows the last letter, before the search has begun", async () => {
  const core = new FakeCore({ delay: 0 });
  const [container] = [...core.containers.items.keys()];
  renderWith(core, <LogView containerIds={[container ?? ""]} />);
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Search" }));
  await user.type(screen.getByLabelText("Search the log"), "timeout{Enter}");
  const outcome = (): string => screen.getByRole("search").textContent;
  await waitFor(() => expect(outcome()).toMatch(/^\d+ of [\d,]+$/));
  expect(screen.getByText("Paused")).toBeTruthy();
});
