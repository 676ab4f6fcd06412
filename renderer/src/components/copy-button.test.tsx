import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { CopyButton } from "./copy-button.tsx";
import { Toaster } from "./toast.tsx";
import { TooltipProvider } from "./tooltip.tsx";

function show() {
  const user = userEvent.setup();
  render(
    <TooltipProvider>
      <CopyButton text="sha256:0" label="Copy digest" />
      <Toaster bottom={0} />
    </TooltipProvider>,
  );
  return user;
}

afterEach(() => {
  vi.restoreAllMocks();
  cleanup();
});

it("copies, and says so for a moment", async () => {
  const user = show();
  await user.click(screen.getByRole("button", { name: "Copy digest" }));
  await screen.findByRole("button", { name: "Copied" });
  expect(await navigator.clipboard.readText()).toBe("sha256:0");
});

it("says that nothing was copied, and nothing else", async () => {
  const user = show();
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new Error("Not allowed"));
  await user.click(screen.getByRole("button", { name: "Copy digest" }));
  await screen.findByText("Nothing was copied");
  expect(screen.queryByRole("button", { name: "Copied" })).toBeNull();
});
