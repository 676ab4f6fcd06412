import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeCore } from "../../testing/fake-client.ts";
import { renderWith } from "../../testing/render.tsx";
import { usePageFocus } from "./page-focus.ts";

function Place(props: { onKey: (key: string) => void }) {
  usePageFocus();
  return (
    <>
      <main>
        {/* oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- it has it */}
        <div role="grid" tabIndex={0} onKeyDown={(event) => props.onKey(event.key)} />
      </main>
      <input aria-label="Elsewhere" />
    </>
  );
}

it("gives a list's keys to the page when nothing has the focus, and no letters", async () => {
  const onKey = vi.fn<(key: string) => void>();
  const user = userEvent.setup();
  renderWith(new FakeCore(), <Place onKey={onKey} />);
  expect(document.activeElement).toBe(document.body);
  await user.keyboard("s");
  expect(onKey).not.toHaveBeenCalled();
  await user.keyboard("{ArrowDown}");
  expect(document.activeElement).toBe(screen.getByRole("grid"));
  expect(onKey.mock.calls).toEqual([["ArrowDown"]]);
  screen.getByRole("textbox").focus();
  await user.keyboard("{ArrowDown}");
  expect(onKey).toHaveBeenCalledTimes(1);
});
