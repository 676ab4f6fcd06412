import type { ManagerName } from "#shared/contract/shell";

const key = "shimyard.manager";

/**
 * The manager that this page shows, for as long as it lives. Another one is shown by loading the page anew, so that
 * nothing of the first can be left: no list, stream, terminal, selection or question.
 */
export const shownManager: ManagerName =
  localStorage.getItem(key) === "machine" ? "machine" : "user";

/** Shows that manager, now and when the window is next opened. What this page was doing ends, as when it is closed. */
export function showManager(manager: ManagerName): void {
  localStorage.setItem(key, manager);
  location.reload();
}
