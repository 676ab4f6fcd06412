import { terminalFontSize } from "./font.ts";
import { TerminalScreen } from "./terminal-screen.ts";

const standard = { cols: 80, rows: 24 };

/**
 * Columns and rows that a terminal has when it fills `width` x `height` px: measured, by an empty
 * one out of sight, for only xterm knows how it rounds its cells.
 */
export function terminalSizeIn(width: number, height: number): { cols: number; rows: number } {
  if (width < 1 || height < 1) return standard;
  const place = document.createElement("div");
  place.className = "terminal-measure";
  place.style.width = `${width}px`;
  place.style.height = `${height}px`;
  document.body.append(place);
  const screen = new TerminalScreen({ fontSize: terminalFontSize(), convertEol: false });
  try {
    const hide = screen.show(place);
    const { cols, rows } = screen;
    hide();
    return { cols, rows };
  } finally {
    screen.dispose();
    place.remove();
  }
}
