import type { AppContract } from "#shared/contract/index";
import type { TerminalInput, TerminalOutput } from "#shared/contract/terminals";
import type { Client, DuplexCall } from "#shared/rpc/define";
import { AppError, isCode } from "#shared/errors";
import { unfinished } from "./boundary.ts";

/** A screen is saved when output was quiet for this long, milliseconds... */
const quietBeforeSave = 1500;
/** ...and at the latest so long after the first output that is not yet saved. */
const longestUnsaved = 5000;
/** The contract's bound on a saved screen, characters. */
const largestScreen = 1_000_000;
/** Lines above the screen that are saved with it; halved until it fits. */
const savedScrollback = 1000;
/** One item of input, bytes: a long paste goes up in pieces, each waiting for room. */
const inputPiece = 16 * 1024;
/** After a broken connection, milliseconds; doubles up to the last. */
const retryDelays = [250, 500, 1000, 2000];

/** What a session needs of a terminal emulator; `TerminalScreen` is the real one. */
export interface Screen {
  readonly cols: number;
  readonly rows: number;
  /** Resolves when it has been parsed: the emulator's word that it can take more. */
  write(data: string | Uint8Array): Promise<void>;
  /** Empty, at this size. */
  reset(cols: number, rows: number): void;
  /** Takes the size of the place where it is shown, if it is shown. */
  fit(): void;
  serialize(scrollback: number): string;
  /** Keys, pastes, and the emulator's own replies to queries. */
  onInput(listener: (bytes: Uint8Array) => void): void;
  onResize(listener: () => void): void;
  dispose(): void;
}

export type SessionState =
  | { phase: "connecting" }
  | { phase: "live" }
  /** The connection broke; it is tried again by itself. */
  | { phase: "reconnecting"; error: AppError }
  | { phase: "ended"; exitCode?: number | undefined; error?: AppError };

/**
 * One terminal of the core and the emulator that shows it. Lives outside React: it goes on while its
 * tab is not shown, and connects again by itself when the connection broke.
 */
export class TerminalSession<S extends Screen = Screen> {
  readonly id: string;
  readonly containerId: string;
  readonly screen: S;
  readonly #client: Client<AppContract>;
  readonly #listeners = new Set<() => void>();
  #state: SessionState = { phase: "connecting" };
  #run: AbortController | undefined;
  #call: DuplexCall<TerminalInput, TerminalOutput> | undefined;
  /** Until then what the emulator answers was answered in its first life. */
  #live = false;
  #sending: Promise<void> = Promise.resolve();
  #sentSize = "";
  #offset = 0;
  #writing = false;
  /** The output's end while it is within a character or an escape sequence. */
  #unfinished: Uint8Array | undefined;
  #dirtySince: number | undefined;
  #saveTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    client: Client<AppContract>,
    terminal: { id: string; containerId: string },
    screen: S,
  ) {
    this.#client = client;
    this.id = terminal.id;
    this.containerId = terminal.containerId;
    this.screen = screen;
    screen.onInput((bytes) => this.#input(bytes));
    screen.onResize(() => this.#resized());
    this.connect();
  }

  state = (): SessionState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Starts over after it ended: an attached container was started again. Without effect while connected. */
  connect(): void {
    if (this.#run && this.#state.phase !== "ended") return;
    this.#run?.abort();
    this.#run = new AbortController();
    void this.#keepConnected(this.#run.signal);
  }

  /** Saves what is shown now, as far as it is consistent; for when the window goes. */
  saveNow(): void {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    if (this.#dirtySince === undefined) return;
    if (this.#writing || this.#unfinished) {
      this.#scheduleSave();
      return;
    }
    this.#dirtySince = undefined;
    const { cols, rows } = this.screen;
    let lines = savedScrollback;
    let data = this.screen.serialize(lines);
    while (data.length > largestScreen && lines > 0) {
      lines = Math.floor(lines / 2);
      data = this.screen.serialize(lines);
    }
    if (data.length > largestScreen) return;
    const saved = { id: this.id, data, offset: this.#offset, cols, rows };
    // A screen that could not be saved costs a longer replay, nothing else.
    this.#client.call("terminals.saveScreen", saved).catch(() => undefined);
  }

  dispose(): void {
    clearTimeout(this.#saveTimer);
    this.#run?.abort();
    this.#listeners.clear();
    this.screen.dispose();
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    this.#setState({ phase: "connecting" });
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      let error: AppError;
      try {
        if (await this.#converse(signal)) return;
        if (this.#live) attempt = 0;
        error = new AppError("UNAVAILABLE", "The connection to this terminal ended");
      } catch (thrown) {
        if (this.#live) attempt = 0;
        error = AppError.from(thrown);
      } finally {
        this.#call = undefined;
        this.#live = false;
      }
      if (signal.aborted) return;
      if (isCode(error, "NOT_FOUND") || isCode(error, "FAILED_PRECONDITION")) {
        this.#setState({ phase: "ended", error });
        return;
      }
      this.#setState({ phase: "reconnecting", error });
      const delay = retryDelays[Math.min(attempt, retryDelays.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  /** One connection; true when the process ended. Pulling the next item is what allows the core to send more. */
  async #converse(signal: AbortSignal): Promise<boolean> {
    const call = this.#client.duplex("terminals.connect", { id: this.id }, { signal });
    this.#call = call;
    this.#sentSize = "";
    for await (const item of call) {
      if (signal.aborted) return true;
      switch (item.type) {
        case "screen":
          this.screen.reset(item.cols, item.rows);
          await this.#write(item.data);
          this.#offset = item.offset;
          this.#unfinished = undefined;
          break;
        case "data":
          await this.#write(item.bytes);
          this.#offset = item.offset;
          this.#unfinished = unfinished(this.#unfinished, item.bytes);
          this.#dirtySince ??= Date.now();
          this.#scheduleSave();
          break;
        case "live":
          this.#live = true;
          this.screen.fit();
          this.#resized();
          this.#setState({ phase: "live" });
          break;
        case "exit":
          this.#live = false;
          this.#setState({ phase: "ended", exitCode: item.exitCode });
          return true;
      }
    }
    return false;
  }

  async #write(data: string | Uint8Array): Promise<void> {
    if (data.length === 0) return;
    this.#writing = true;
    try {
      await this.screen.write(data);
    } finally {
      this.#writing = false;
    }
  }

  #input(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += inputPiece) {
      this.#send({ type: "input", bytes: bytes.slice(from, from + inputPiece) });
    }
  }

  #resized(): void {
    const { cols, rows } = this.screen;
    const size = `${cols}x${rows}`;
    if (!this.#live || size === this.#sentSize) return;
    this.#sentSize = size;
    this.#send({ type: "resize", cols, rows });
  }

  /** In order, and never to a later connection than it was typed in. */
  #send(item: TerminalInput): void {
    const call = this.#call;
    if (!this.#live || !call) return;
    this.#sending = this.#sending
      .then(() => (this.#call === call ? call.send(item) : undefined))
      // The connection broke; the loop above says so.
      .catch(() => undefined);
  }

  #scheduleSave(): void {
    clearTimeout(this.#saveTimer);
    const age = Date.now() - (this.#dirtySince ?? Date.now());
    // Not at once when it is overdue but half way through a write.
    const delay = Math.max(
      this.#writing || this.#unfinished ? 100 : 0,
      Math.min(quietBeforeSave, longestUnsaved - age),
    );
    this.#saveTimer = setTimeout(() => this.saveNow(), delay);
  }

  #setState(state: SessionState): void {
    this.#state = state;
    for (const listen of this.#listeners) listen();
  }
}
