import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { Settings } from "#shared/contract/system";

type Theme = Settings["theme"];

interface ThemeState {
  choice: Theme;
  /** Tells the core; set once it is connected. */
  save?: ((theme: Theme) => void) | undefined;
}

/**
 * The core owns this setting. A copy is kept here so that the first paint has the right colours, before
 * anything is connected.
 */
export const useTheme = create<ThemeState>()(
  persist((): ThemeState => ({ choice: "system" }), {
    name: "shimyard.theme",
    version: 1,
    partialize: ({ choice }) => ({ choice }),
  }),
);

/** The user's choice, from anywhere in the window. */
export function chooseTheme(choice: Theme): void {
  useTheme.setState({ choice });
  useTheme.getState().save?.(choice);
}

const light = window.matchMedia("(prefers-color-scheme: light)");

function apply(): void {
  const { choice } = useTheme.getState();
  const theme = choice === "system" ? (light.matches ? "light" : "dark") : choice;
  document.documentElement.dataset["theme"] = theme;
}

/** Puts the theme on the page and keeps it right as the choice or the system's setting changes. */
export function followTheme(): void {
  apply();
  useTheme.subscribe(apply);
  light.addEventListener("change", apply);
}
