import type { AppContract } from "#shared/contract/index";
import type { Terminal } from "#shared/contract/terminals";
import type { Client } from "#shared/rpc/define";
import { TerminalSession } from "./session.ts";
import { TerminalScreen } from "./terminal-screen.ts";
import { terminalFontSize, useTerminalFont } from "./font.ts";

export type ScreenSession = TerminalSession<TerminalScreen>;

/**
 * The terminals that were shown since the window opened. One is connected when it is first shown, and
 * then stays until it is closed: tabs and pages come and go around it.
 */
export class TerminalRegistry {
  readonly #client: Client<AppContract>;
  readonly #sessions = new Map<string, ScreenSession>();
  /** Terminals whose end the core has told: only one of those can have begun anew. */
  #exited: ReadonlySet<string> = new Set();

  constructor(client: Client<AppContract>) {
    this.#client = client;
    // The window closes, reloads, or is about to be killed: what is on the screens should be there again.
    addEventListener("pagehide", () => {
      for (const session of this.#sessions.values()) session.saveNow();
    });
    useTerminalFont.subscribe(({ size }) => {
      for (const { screen } of this.#sessions.values()) screen.setFontSize(size);
    });
  }

  /** The session of a terminal, connected. `convertEol`: it is standard streams, not a terminal. */
  open(terminal: Terminal, convertEol: boolean): ScreenSession {
    let session = this.#sessions.get(terminal.id);
    if (!session) {
      const screen = new TerminalScreen({ fontSize: terminalFontSize(), convertEol });
      const opened = new TerminalSession(this.#client, terminal, screen);
      opened.subscribe(() => screen.setEnded(opened.state().phase === "ended"));
      this.#sessions.set(terminal.id, opened);
      session = opened;
    }
    return session;
  }

  /** Lets go of what was closed, and connects again what ended and runs again. */
  sync(terminals: readonly Terminal[]): void {
    const there = new Map(terminals.map((terminal) => [terminal.id, terminal]));
    for (const [id, session] of this.#sessions) {
      const terminal = there.get(id);
      if (!terminal) {
        this.#sessions.delete(id);
        session.dispose();
      } else if (terminal.status === "running" && this.#exited.has(id)) {
        session.connect();
      }
    }
    this.#exited = new Set(
      terminals.filter(({ status }) => status === "exited").map(({ id }) => id),
    );
  }
}

const registries = new WeakMap<Client<AppContract>, TerminalRegistry>();

/** The one registry of a connection. */
export function terminalsOf(client: Client<AppContract>): TerminalRegistry {
  let registry = registries.get(client);
  if (!registry) {
    registry = new TerminalRegistry(client);
    registries.set(client, registry);
  }
  return registry;
}
