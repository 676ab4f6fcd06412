import type { ITheme } from "@xterm/xterm";

/** `--ansi-0` ... `--ansi-15` in xterm's words. */
const names = [
  "black",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
  "brightBlack",
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  "brightWhite",
] as const;

/** The theme's colours as xterm takes them, read from the document's tokens. */
export function terminalTheme(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const theme: ITheme = {
    background: token("term"),
    foreground: token("text"),
    cursor: token("text"),
    cursorAccent: token("term"),
    selectionBackground: token("selection"),
    scrollbarSliderBackground: token("term-scroll"),
    scrollbarSliderHoverBackground: token("term-scroll-hover"),
    scrollbarSliderActiveBackground: token("term-scroll-hover"),
    overviewRulerBorder: token("term"),
  };
  for (const [index, name] of names.entries()) theme[name] = token(`ansi-${index}`);
  return theme;
}

/** Colours of the search's marks; xterm wants plain #rrggbb here. */
export function searchColors() {
  const style = getComputedStyle(document.documentElement);
  const pause = style.getPropertyValue("--pause").trim();
  const line = style.getPropertyValue("--match").trim();
  return {
    matchBackground: line,
    matchOverviewRuler: pause,
    activeMatchBackground: pause,
    activeMatchColorOverviewRuler: pause,
  };
}

/** Calls `listener` when the theme changes: the attribute on the root, or what the system prefers. */
export function onThemeChange(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme", "class"] });
  const media = matchMedia("(prefers-color-scheme: light)");
  media.addEventListener("change", listener);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", listener);
  };
}
