import { type ReactNode, useState } from "react";
import type { Terminal } from "#shared/contract/terminals";
import { ConfirmDialog } from "../../components/dialog.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { useTerminals } from "../../queries/terminals.ts";
import { type DockTab, removeTab } from "../../state/dock.ts";

/** Closes tabs; asks first when that ends a process. The question is to be rendered by the caller. */
export function useCloseTab(): {
  closeTab: (tab: DockTab) => void;
  closeTerminal: (terminal: Terminal) => void;
  question: ReactNode;
} {
  const client = useClient();
  const { items: terminals } = useTerminals();
  const { items: containers } = useContainers();
  const [asked, setAsked] = useState<Terminal>();

  const end = async (terminal: Terminal): Promise<void> => {
    try {
      await client.call("terminals.close", { id: terminal.id });
    } catch (error) {
      notify({ tone: "bad", title: "The terminal was not closed", error });
    }
  };
  // Its tab goes with it, when the core says that it has gone.
  const closeTerminal = (terminal: Terminal): void => {
    if (terminal.kind === "exec" && terminal.status === "running") setAsked(terminal);
    else void end(terminal);
  };
  const closeTab = (tab: DockTab): void => {
    const terminal = tab.kind === "terminal" ? terminals.get(tab.terminalId) : undefined;
    if (terminal) closeTerminal(terminal);
    else removeTab(tab.key);
  };
  const container = asked && containers.get(asked.containerId);
  const question = asked && (
    <ConfirmDialog
      open
      onOpenChange={() => setAsked(undefined)}
      title="Close this terminal?"
      action="Close terminal"
      onConfirm={() => void end(asked)}
    >
      <p>
        <b className="mono">{asked.args.join(" ") || "The shell"}</b> in{" "}
        <b>{container?.name ?? asked.containerName ?? "its container"}</b> ends, with everything it
        runs. The container goes on.
      </p>
    </ConfirmDialog>
  );
  return { closeTab, closeTerminal, question };
}
