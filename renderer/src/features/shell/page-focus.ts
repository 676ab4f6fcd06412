import { useEffect } from "react";

/** What a list is walked with; letters that act wait until it has the focus. */
const listKeys = new Set([
  ...["ArrowDown", "ArrowUp", "Home", "End", "PageDown", "PageUp"],
  ...["Enter", "Delete", "ContextMenu"],
]);

const pageList = (): HTMLElement | null => document.querySelector("main [role=grid]");

/** Gives the keyboard to the page: to its list, where it has one. */
export function focusPage(): void {
  (pageList() ?? document.querySelector<HTMLElement>("main"))?.focus();
}

/** What had the focus may go, as a dialog or the dock: the next key that a list knows goes to the page's. */
export function usePageFocus(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.target !== document.body || event.ctrlKey || event.metaKey || event.altKey) return;
      const { key, shiftKey } = event;
      if (!listKeys.has(key) && !(key === "F10" && shiftKey)) return;
      const list = pageList();
      if (!list || document.querySelector("[role=dialog], [role=menu]")) return;
      list.focus();
      const again = { key, code: event.code, shiftKey, bubbles: true, cancelable: true };
      if (list.dispatchEvent(new KeyboardEvent("keydown", again))) return;
      event.preventDefault();
      event.stopPropagation();
    };
    document.addEventListener("keydown", onKey, { capture: true });
    return () => document.removeEventListener("keydown", onKey, { capture: true });
  }, []);
}
