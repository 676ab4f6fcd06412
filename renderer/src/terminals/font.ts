import { create } from "zustand";
import { persist } from "zustand/middleware";

const standard = 13;
const smallest = 8;
const largest = 28;

/** Font size of all terminals, px. */
export const useTerminalFont = create<{ size: number }>()(
  persist(() => ({ size: standard }), { name: "shimyard.terminal-font", version: 1 }),
);

export function terminalFontSize(): number {
  return useTerminalFont.getState().size;
}

/** Larger, smaller, or back to the standard (0). */
export function zoomTerminals(step: -1 | 0 | 1): void {
  useTerminalFont.setState(({ size }) => ({
    size: step === 0 ? standard : Math.min(largest, Math.max(smallest, size + step)),
  }));
}
