import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary.tsx";
import { TooltipProvider } from "./tooltip.tsx";

let broken = true;

function Part() {
  if (broken) throw new Error("A row has no name");
  return <p>drawn</p>;
}

const parts = (of: string, onError?: (error: unknown) => void) => (
  <TooltipProvider>
    <p>the rest</p>
    <ErrorBoundary of={of} {...(onError ? { onError } : {})}>
      <Part />
    </ErrorBoundary>
  </TooltipProvider>
);

beforeEach(() => {
  broken = true;
  // React says each error there.
  vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  cleanup();
});

it("keeps the rest of the window, says what failed, and tries again when asked", async () => {
  render(parts("a"));
  expect(screen.getByText("the rest")).toBeTruthy();
  expect(screen.getByRole("alert").textContent).toContain("A row has no name.");
  broken = false;
  await userEvent.setup().click(screen.getByRole("button", { name: "Try again" }));
  expect(screen.getByText("drawn")).toBeTruthy();
});

it("tries what is shown next", () => {
  const { rerender } = render(parts("a"));
  broken = false;
  rerender(parts("a"));
  expect(screen.queryByText("drawn")).toBeNull();
  rerender(parts("b"));
  expect(screen.getByText("drawn")).toBeTruthy();
});

it("tells it elsewhere where that is wanted", () => {
  const told = vi.fn();
  render(parts("a", told));
  expect(told).toHaveBeenCalledTimes(1);
  expect(screen.queryByRole("alert")).toBeNull();
});
