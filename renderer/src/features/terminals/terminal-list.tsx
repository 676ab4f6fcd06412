import { Plus, SquareTerminal } from "lucide-react";
import { useState } from "react";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { Icon } from "../../components/icon.tsx";
import { Since } from "../../components/since.tsx";
import { useTerminalsOf } from "../../queries/terminals.ts";
import { showTerminal } from "../../state/dock.ts";
import { useCloseTab } from "../dock/use-close-tab.tsx";
import { NewTerminalDialog } from "./new-terminal-dialog.tsx";
import { useOpenTerminal } from "./open-terminal.ts";
import { terminalTitle, useTerminalName } from "./terminal-title.ts";
import "./terminals.css";

/** A container's terminals; they are shown in the dock. */
export function TerminalList(props: {
  /** As terminals know it. */
  id: string;
  name: string;
  running: boolean;
  /** It is not ours, and no list has it. */
  elsewhere?: boolean;
  /** Why its own terminal or streams can't be attached to. */
  attachReason?: string | false;
}) {
  const { id, name, running, elsewhere, attachReason } = props;
  const terminals = useTerminalsOf(id);
  const openTerminal = useOpenTerminal();
  const terminalName = useTerminalName();
  const { closeTerminal, question } = useCloseTab();
  const [dialog, setDialog] = useState(false);
  const reason = !running && `${name} is not running`;
  const actions = (
    <>
      <Button
        icon={Plus}
        disabledReason={reason}
        onClick={() => void openTerminal(id, { kind: "exec" })}
      >
        New terminal
      </Button>
      <Button variant="ghost" disabledReason={reason} onClick={() => setDialog(true)}>
        With options…
      </Button>
      <Button
        variant="ghost"
        disabledReason={reason || attachReason}
        tip="The container's own terminal or standard streams"
        onClick={() => void openTerminal(id, { kind: "attach" })}
      >
        Attach
      </Button>
    </>
  );
  return (
    <div className="inspector__scroll">
      {terminals.length === 0 ? (
        <EmptyState icon={SquareTerminal} title="No terminals" actions={actions}>
          They open in the dock, stay while you move around, and are there again after a restart of
          the window.
        </EmptyState>
      ) : (
        <>
          <div className="inspector__actions">{actions}</div>
          <ul>
            {terminals.map((terminal) => (
              <li key={terminal.id} className="terminal-list__row">
                <Icon of={SquareTerminal} />
                <span className="truncate">
                  <span className="mono">{terminalName(terminal)}</span>
                  <small>
                    {!terminalName(terminal).startsWith(terminalTitle(terminal)) &&
                      `${terminalTitle(terminal)} · `}
                    {terminal.status === "running" ? (
                      <Since time={terminal.createdAt} />
                    ) : terminal.status === "lost" ? (
                      "can't be reached"
                    ) : (
                      `ended with ${terminal.exitCode ?? "an unknown status"}`
                    )}
                  </small>
                </span>
                <Button variant="link" onClick={() => showTerminal(terminal)}>
                  Show
                </Button>
                <Button variant="link" onClick={() => closeTerminal(terminal)}>
                  Close
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
      {dialog && (
        <NewTerminalDialog
          containerId={id}
          elsewhere={elsewhere ? name : undefined}
          onClose={() => setDialog(false)}
        />
      )}
      {question}
    </div>
  );
}
