import { SquareTerminal } from "lucide-react";
import { ErrorBoundary } from "../../components/error-boundary.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useTerminal, useTerminals } from "../../queries/terminals.ts";
import { type DockPane, type DockTab, focusPane, useDock } from "../../state/dock.ts";
import { BuildView } from "../build/build-view.tsx";
import { LogView } from "../logs/log-view.tsx";
import { TerminalPane } from "../terminals/terminal-pane.tsx";
import { DockBar } from "./dock-bar.tsx";
import { useDockSync } from "./use-dock-sync.ts";
import { useCloseTab } from "./use-close-tab.tsx";
import "./dock.css";

/**
 * The panel of terminals, logs and builds that stays while one moves around. It is always mounted; closed, it is
 * its bar alone.
 */
export function Dock() {
  useDockSync();
  const { open, tabs, left, right, focused, chosen } = useDock();
  const { closeTab, question } = useCloseTab();

  const pane = (side: DockPane, key: string | undefined) => {
    const tab = tabs.find((candidate) => candidate.key === key);
    if (!tab) return null;
    return (
      <div
        key={side}
        className="dock__pane"
        role="tabpanel"
        data-focused={(right !== undefined && focused === side) || undefined}
        onFocusCapture={() => focusPane(side)}
        onPointerDownCapture={() => focusPane(side)}
      >
        <ErrorBoundary of={tab.key} className="work__failed">
          <Content
            key={tab.key}
            tab={tab}
            active={chosen && focused === side}
            onClose={() => closeTab(tab)}
          />
        </ErrorBoundary>
      </div>
    );
  };

  return (
    <section className="dock" aria-label="Terminals and logs" data-open={open || undefined}>
      <DockBar onClose={closeTab} />
      {open && (
        <div className="dock__panes">
          {tabs.length === 0 ? (
            <EmptyState icon={SquareTerminal} title="No terminals or logs are open">
              Choose a container, then press e for a terminal or l for its logs. They stay here
              while you move around, and terminals are still here after a restart.
            </EmptyState>
          ) : (
            <>
              {pane("left", left)}
              {pane("right", right)}
            </>
          )}
        </div>
      )}
      {question}
    </section>
  );
}

function Content(props: { tab: DockTab; active: boolean; onClose: () => void }) {
  const { tab, active, onClose } = props;
  if (tab.kind === "logs") return <LogView containerIds={tab.containerIds} />;
  if (tab.kind === "build") return <BuildView buildId={tab.buildId} name={tab.name} />;
  return <TerminalContent terminalId={tab.terminalId} active={active} onClose={onClose} />;
}

function TerminalContent(props: { terminalId: string; active: boolean; onClose: () => void }) {
  const { terminalId, active, onClose } = props;
  const terminal = useTerminal(terminalId);
  const containers = useContainers();
  const { status } = useTerminals();
  // How a terminal treats line ends depends on its container.
  if (terminal && containers.status !== "loading") {
    return <TerminalPane terminal={terminal} active={active} onClose={onClose} />;
  }
  return status === "stale" ? (
    <EmptyState icon={SquareTerminal} title="The connection to the core broke">
      The terminal goes on, and is shown again when the connection is back.
    </EmptyState>
  ) : null;
}
