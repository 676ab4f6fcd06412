import type { CSSProperties } from "react";
import { type AnsiStyle, ansiCss } from "./ansi.ts";

/** How a run of text that a program coloured is drawn. */
export function ansiStyle(style: AnsiStyle): CSSProperties {
  const fg = style.fg === undefined ? undefined : ansiCss(style.fg);
  const bg = style.bg === undefined ? undefined : ansiCss(style.bg);
  const decoration = [style.underline && "underline", style.strike && "line-through"];
  return {
    color: style.inverse ? (bg ?? "var(--term)") : fg,
    background: style.inverse ? (fg ?? "var(--text)") : bg,
    fontWeight: style.bold ? 700 : undefined,
    fontStyle: style.italic ? "italic" : undefined,
    opacity: style.dim ? 0.65 : undefined,
    textDecoration: decoration.filter(Boolean).join(" ") || undefined,
  };
}
