import { cleanup, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import "../testing/render.tsx";
import { Tabs } from "./tabs.tsx";
import { TooltipProvider } from "./tooltip.tsx";

const names = ["one", "two", "three", "four", "five"];

function Subject() {
  const [value, setValue] = useState("one");
  return (
    <TooltipProvider>
      <Tabs
        label="Numbers"
        value={value}
        onChange={setValue}
        items={names.map((name) => ({ value: name, label: name, content: <p>about {name}</p> }))}
      />
    </TooltipProvider>
  );
}

// The stand-in layout's bar is 1200 px wide: room for three such tabs and the button.
beforeEach(() => {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 300, 31));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const shown = () =>
  screen
    .getAllByRole("tab")
    .filter((tab) => !tab.hasAttribute("data-hidden"))
    .map((tab) => tab.textContent);

it("puts the tabs without room into a menu, and shows the one that is chosen there", async () => {
  const user = userEvent.setup();
  render(<Subject />);
  expect(shown()).toEqual(["one", "two", "three"]);
  await user.click(screen.getByRole("button", { name: "2 more tabs" }));
  const menu = within(await screen.findByRole("menu"));
  expect(menu.getAllByRole("menuitem").map((item) => item.textContent)).toEqual(["four", "five"]);
  await user.click(menu.getByRole("menuitem", { name: "five" }));
  expect(await screen.findByText("about five")).toBeTruthy();
  expect(shown()).toEqual(["one", "two", "five"]);
});

it("goes through all of them with the arrow keys", async () => {
  const user = userEvent.setup();
  render(<Subject />);
  screen.getByRole("tab", { name: "one" }).focus();
  await user.keyboard("{ArrowRight}{ArrowRight}{ArrowRight}");
  await waitFor(() => expect(screen.getByText("about four")).toBeTruthy());
  expect(shown()).toEqual(["one", "two", "four"]);
  expect(document.activeElement?.textContent).toBe("four");
});
