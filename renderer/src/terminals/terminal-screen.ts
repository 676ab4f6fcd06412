import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { SerializeAddon } from "@xterm/addon-serialize";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal } from "@xterm/xterm";
import { copyText } from "../components/copy-button.tsx";
import { hasSeveralLines, pastable } from "./paste.ts";
import type { Screen } from "./session.ts";
import { onThemeChange, searchColors, terminalTheme } from "./theme.ts";
import "@xterm/xterm/css/xterm.css";
import "./colors.css";

/** Lines kept above the screen. */
const scrollback = 5000;
/** A divider that is dragged must not resize the program 60 times a second, milliseconds. */
const resizeDelay = 80;
const encoder = new TextEncoder();

export interface ScreenOptions {
  fontSize: number;
  /** Standard streams without a terminal end their lines with a bare newline. */
  convertEol: boolean;
}

/** What the window does with keys that are not the program's. */
export interface ScreenActions {
  search(): void;
  zoom(step: -1 | 0 | 1): void;
  /** A paste of several lines into a program that would run each at once; true when it may go on. */
  confirmPaste(text: string): Promise<boolean>;
}

/**
 * xterm in an element of its own that is moved in and out of the window. It is opened where it is
 * first shown (xterm measures its font there), and parses on while it is shown nowhere.
 */
export class TerminalScreen implements Screen {
  readonly #term: Terminal;
  readonly #element = document.createElement("div");
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon();
  readonly #serialize = new SerializeAddon();
  readonly #offTheme: () => void;
  readonly #observer: ResizeObserver;
  #webgl: WebglAddon | undefined;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #actions: ScreenActions | undefined;
  #opened = false;

  constructor(options: ScreenOptions) {
    this.#element.className = "terminal-screen";
    this.#term = new Terminal({
      // The search's marks and the Unicode versions are xterm's proposed interfaces.
      allowProposedApi: true,
      scrollback,
      fontSize: options.fontSize,
      fontFamily:
        getComputedStyle(document.documentElement).getPropertyValue("--mono") || "monospace",
      lineHeight: 1.25,
      cursorBlink: true,
      convertEol: options.convertEol,
      theme: terminalTheme(),
      minimumContrastRatio: 1,
      macOptionIsMeta: true,
      overviewRuler: { width: 8 },
      linkHandler: { activate: (_event, uri) => openLink(uri) },
    });
    this.#term.loadAddon(this.#fit);
    this.#term.loadAddon(this.#search);
    this.#term.loadAddon(this.#serialize);
    this.#term.loadAddon(new Unicode11Addon());
    this.#term.loadAddon(new WebLinksAddon((_event, uri) => openLink(uri)));
    this.#term.unicode.activeVersion = "11";
    this.#term.attachCustomKeyEventHandler((event) => this.#key(event));
    this.#element.addEventListener("paste", (event) => this.#paste(event), { capture: true });
    this.#offTheme = onThemeChange(() => {
      this.#term.options.theme = terminalTheme();
    });
    this.#observer = new ResizeObserver(() => {
      clearTimeout(this.#resizeTimer);
      this.#resizeTimer = setTimeout(() => this.fit(), resizeDelay);
    });
    this.#observer.observe(this.#element);
  }

  get cols(): number {
    return this.#term.cols;
  }

  get rows(): number {
    return this.#term.rows;
  }

  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#term.write(data, resolve);
    });
  }

  reset(cols: number, rows: number): void {
    this.#term.reset();
    this.#term.resize(cols, rows);
  }

  fit(): void {
    const size = this.#element.isConnected ? this.#fit.proposeDimensions() : undefined;
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
    this.#term.resize(Math.max(2, size.cols), Math.max(1, size.rows));
  }

  serialize(lines: number): string {
    return this.#serialize.serialize({ scrollback: lines });
  }

  onInput(listener: (bytes: Uint8Array) => void): void {
    this.#term.onData((text) => listener(encoder.encode(text)));
    // Mouse reports of the old kind: one byte a character.
    this.#term.onBinary((text) => listener(Uint8Array.from(text, (c) => c.charCodeAt(0) & 255)));
  }

  onResize(listener: () => void): void {
    this.#term.onResize(listener);
  }

  /** Called with the program's title of itself. */
  onTitle(listener: (title: string) => void): () => void {
    const subscription = this.#term.onTitleChange(listener);
    return () => subscription.dispose();
  }

  /** Shows it in `parent` until the returned function is called. */
  show(parent: HTMLElement, actions?: ScreenActions): () => void {
    this.#actions = actions;
    parent.append(this.#element);
    if (!this.#opened) {
      this.#opened = true;
      this.#term.open(this.#element);
    }
    this.#useWebgl();
    this.fit();
    this.#term.refresh(0, this.#term.rows - 1);
    return () => {
      this.#actions = undefined;
      // A browser has some 16 WebGL contexts: only what is seen holds one.
      this.#webgl?.dispose();
      this.#webgl = undefined;
      this.#element.remove();
    };
  }

  focus(): void {
    this.#term.focus();
  }

  setFontSize(pixels: number): void {
    if (this.#term.options.fontSize === pixels) return;
    this.#term.options.fontSize = pixels;
    this.fit();
  }

  /** After the end nothing can be typed, and no cursor blinks. */
  setEnded(ended: boolean): void {
    this.#term.options.disableStdin = ended;
    this.#term.options.cursorBlink = !ended;
  }

  /** Marks all matches and goes to the next (1) or previous (-1) one. An empty text takes the marks away. */
  find(text: string, step: 1 | -1, incremental: boolean): void {
    if (text === "") {
      this.#search.clearDecorations();
      this.#term.clearSelection();
      return;
    }
    const options = { decorations: searchColors(), incremental };
    if (step === 1) this.#search.findNext(text, options);
    else this.#search.findPrevious(text, { ...options, incremental: false });
  }

  /** `index` is -1 when there are too many matches to number them. */
  onMatches(listener: (matches: { index: number; count: number }) => void): () => void {
    const subscription = this.#search.onDidChangeResults(({ resultIndex, resultCount }) =>
      listener({ index: resultIndex, count: resultCount }),
    );
    return () => subscription.dispose();
  }

  #copy(): void {
    const text = this.#term.getSelection();
    if (text !== "") void copyText(text);
  }

  dispose(): void {
    clearTimeout(this.#resizeTimer);
    this.#observer.disconnect();
    this.#offTheme();
    this.#term.dispose();
    this.#element.remove();
  }

  #useWebgl(): void {
    if (this.#webgl) return;
    try {
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => {
        webgl.dispose();
        if (this.#webgl === webgl) this.#webgl = undefined;
      });
      this.#term.loadAddon(webgl);
      this.#webgl = webgl;
    } catch {
      // No WebGL on this machine: xterm draws with elements, slower and alike.
    }
  }

  /** True lets xterm have the key. What is refused here goes on to the window, or to the browser (paste). */
  #key(event: KeyboardEvent): boolean {
    if (!event.ctrlKey || event.altKey || event.metaKey) return true;
    if (event.key === "PageUp" || event.key === "PageDown" || event.code === "Backquote")
      return false;
    const down = event.type === "keydown";
    if (event.shiftKey && event.code === "KeyV") return false;
    if (event.shiftKey && event.code === "KeyC") {
      if (down) this.#copy();
      event.preventDefault();
      return false;
    }
    if (event.shiftKey && event.code === "KeyF") {
      if (down) this.#actions?.search();
      event.preventDefault();
      return false;
    }
    const zoom = { Equal: 1, NumpadAdd: 1, Minus: -1, NumpadSubtract: -1, Digit0: 0 } as const;
    const step = zoom[event.code as keyof typeof zoom];
    if (step === undefined) return true;
    // Ctrl+Shift+- is ^_ (undo in editors): only the plain keys zoom out.
    if (event.shiftKey && step !== 1) return true;
    if (down) this.#actions?.zoom(step);
    event.preventDefault();
    return false;
  }

  #paste(event: ClipboardEvent): void {
    event.preventDefault();
    event.stopPropagation();
    const text = pastable(event.clipboardData?.getData("text/plain") ?? "");
    const actions = this.#actions;
    if (!actions || this.#term.modes.bracketedPasteMode || !hasSeveralLines(text)) {
      this.#term.paste(text);
      return;
    }
    void actions.confirmPaste(text).then((allowed) => {
      if (allowed) this.#term.paste(text);
      this.#term.focus();
    });
  }
}

/** Only what a browser opens; the shell hands it to the system's. */
function openLink(uri: string): void {
  if (/^https?:\/\//iu.test(uri)) window.open(uri, "_blank", "noopener,noreferrer");
}
