import { create } from "zustand";
import { persist } from "zustand/middleware";

/** As the rail has them; the first nine have a digit as their key: with 0 goes the zoom. */
export const pages = [
  "containers",
  "projects",
  "images",
  "volumes",
  "networks",
  "checkpoints",
  "shims",
  "elsewhere",
  "extensions",
  "activity",
  "system",
] as const;
export type PageName = (typeof pages)[number];

/** The key that leads to a page; those beyond the ninth have none. */
export function pageKey(page: PageName): string | undefined {
  const at = pages.indexOf(page);
  return at < 9 ? `Ctrl ${at + 1}` : undefined;
}

/** Sizes in px. */
export const inspectorSize = { initial: 372, min: 300, max: 900 };
export const dockSize = { initial: 254, min: 110, max: 900 };

export interface LayoutState {
  page: PageName;
  inspectorWidth: number;
  /** The inspector takes the list's place. */
  inspectorFull: boolean;
  dockHeight: number;
}

/** How the window is divided, as it was when it was last open. */
export const useLayout = create<LayoutState>()(
  persist(
    (): LayoutState => ({
      page: "containers",
      inspectorWidth: inspectorSize.initial,
      inspectorFull: false,
      dockHeight: dockSize.initial,
    }),
    { name: "shimyard.layout", version: 1 },
  ),
);

export function goTo(page: PageName): void {
  useLayout.setState({ page });
}

export function toggleInspectorFull(): void {
  useLayout.setState(({ inspectorFull }) => ({ inspectorFull: !inspectorFull }));
}
