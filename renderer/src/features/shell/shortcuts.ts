import { useEffect } from "react";
import { goTo, pages } from "../../state/layout.ts";
import { isDialogOpen } from "../../components/dialog.tsx";
import { openOverlay, openPalette, openShortcuts } from "../../state/overlays.ts";
import { focusPage } from "./page-focus.ts";

/** True where a key writes or belongs to something that has keys of its own. */
function isTaken(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest(
      "input, textarea, select, [contenteditable], [role=dialog], [role=menu], .xterm",
    ) !== null
  );
}

/** What narrows the page one is at; a page without one has nothing to narrow. */
const filterField = ".page__filter input";

/** The keys that work everywhere in the window. */
export function useShortcuts(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.altKey) return;
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        // Another one in its place would take what was typed in it.
        if (!isDialogOpen()) openPalette();
        return;
      }
      if (event.ctrlKey && !event.shiftKey && /^[1-9]$/.test(event.key)) {
        event.preventDefault();
        const page = pages[Number(event.key) - 1];
        if (!page || isDialogOpen()) return;
        goTo(page);
        // After it has been drawn.
        requestAnimationFrame(focusPage);
        return;
      }
      if (event.ctrlKey || event.metaKey || isTaken(event.target) || isDialogOpen()) return;
      if (event.key === "/") {
        if (!document.querySelector(filterField)) goTo("containers");
        // After the page that holds it has been drawn.
        requestAnimationFrame(() =>
          document.querySelector<HTMLInputElement>(filterField)?.select(),
        );
      } else if (event.key === "?") openShortcuts();
      else if (event.key === "n") openOverlay({ kind: "create" });
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
