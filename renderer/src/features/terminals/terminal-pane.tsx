import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { isElsewhere } from "#shared/base/elsewhere";
import type { Terminal } from "#shared/contract/terminals";
import { Button } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { plural } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";
import { zoomTerminals } from "../../terminals/font.ts";
import { terminalsOf } from "../../terminals/registry.ts";
import { useOpenTerminal } from "./open-terminal.ts";
import { TerminalSearch } from "./terminal-search.tsx";
import "./terminals.css";

export interface TerminalPaneProps {
  terminal: Terminal;
  /** Takes the keyboard when shown. */
  active: boolean;
  onClose: () => void;
}

/** A place where a terminal is shown; the terminal itself outlives it. */
export function TerminalPane(props: TerminalPaneProps) {
  const { terminal, active, onClose } = props;
  const client = useClient();
  const container = useContainer(terminal.containerId);
  const standardStreams = terminal.kind === "attach" && container?.terminal === false;
  const session = terminalsOf(client).open(terminal, standardStreams);
  const { screen } = session;
  const state = useSyncExternalStore(session.subscribe, session.state);
  const place = useRef<HTMLDivElement>(null);
  const [searching, setSearching] = useState(false);
  const [paste, setPaste] = useState<{ text: string; answer: (allowed: boolean) => void }>();
  const pasteAllowed = useRef(false);

  useEffect(() => {
    if (!place.current) return undefined;
    return screen.show(place.current, {
      search: () => setSearching(true),
      zoom: zoomTerminals,
      confirmPaste: (text) =>
        pasteAllowed.current
          ? Promise.resolve(true)
          : new Promise((resolve) => setPaste({ text, answer: resolve })),
    });
  }, [screen]);

  useEffect(() => {
    if (active) screen.focus();
  }, [active, screen]);

  const answer = (allowed: boolean): void => {
    if (allowed) pasteAllowed.current = true;
    paste?.answer(allowed);
    setPaste(undefined);
  };
  const closeSearch = useCallback(() => {
    setSearching(false);
    screen.focus();
  }, [screen]);

  return (
    <section
      className="terminal-pane"
      aria-label={`Terminal in ${container?.name ?? terminal.containerName ?? "a container"}`}
    >
      <div ref={place} className="terminal-pane__place" />
      {searching && <TerminalSearch screen={screen} onClose={closeSearch} />}
      {state.phase === "connecting" && (
        <div className="terminal-pane__waiting">
          <Spinner size={12} /> Connecting
        </div>
      )}
      {state.phase === "reconnecting" && (
        <div className="terminal-bar" role="status">
          <Spinner size={12} />
          <span className="truncate">The connection broke, trying again. The process goes on.</span>
        </div>
      )}
      {paste && (
        <div className="terminal-bar" role="alertdialog" aria-label="Paste several lines">
          <span className="truncate">
            Paste {plural(lineCount(paste.text), "line")}? Each may run as soon as it arrives.
          </span>
          <Button variant="ghost" onClick={() => answer(false)}>
            Cancel
          </Button>
          <Button variant="primary" autoFocus onClick={() => answer(true)}>
            Paste
          </Button>
        </div>
      )}
      {state.phase === "ended" && (
        <EndedBar
          terminal={terminal}
          exitCode={state.exitCode}
          error={state.error}
          onClose={onClose}
        />
      )}
    </section>
  );
}

function lineCount(text: string): number {
  return text.trimEnd().split(/\r\n|\r|\n/u).length;
}

function EndedBar(props: {
  terminal: Terminal;
  exitCode: number | undefined;
  error: unknown;
  onClose: () => void;
}) {
  const { terminal, exitCode, error, onClose } = props;
  const openTerminal = useOpenTerminal();
  const container = useContainer(terminal.containerId);
  // Of one elsewhere the core finds out.
  const elsewhere = isElsewhere(terminal.containerId);
  const running = elsewhere || container?.state.status === "running";
  const why = error ?? terminal.error;
  const words = [
    exitCode === undefined ? "Ended" : `Ended with ${exitCode}`,
    container === undefined && !elsewhere
      ? "container deleted"
      : container?.state.status === "exited"
        ? "container exited"
        : undefined,
  ];
  const again = (): void => {
    onClose();
    const { containerId, kind, args, user } = terminal;
    void openTerminal(containerId, kind === "attach" ? { kind } : { kind, args, user });
  };
  return (
    <>
      {why !== undefined && <ErrorNote className="terminal-pane__note" error={why} />}
      <div className="terminal-bar" role="status">
        <span className="truncate">{words.filter(Boolean).join(" · ")}</span>
        <span className="spacer" />
        <Button
          disabledReason={!running && `${container?.name ?? "The container"} is not running`}
          onClick={again}
        >
          {terminal.kind === "attach" ? "Attach again" : "New terminal"}
        </Button>
        <Button variant="ghost" onClick={onClose}>
          Close
        </Button>
      </div>
    </>
  );
}
