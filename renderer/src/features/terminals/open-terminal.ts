import { useCallback } from "react";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { setDockOpen, showTerminal, useDock } from "../../state/dock.ts";
import { terminalSizeIn } from "../../terminals/terminal-size.ts";

export type TerminalRequest =
  | {
      /** A new process with a terminal of its own. */
      kind: "exec";
      /** Empty or absent: the first of bash, ash, sh that the container has. */
      args?: string[];
      user?: string | undefined;
      cwd?: string | undefined;
    }
  /** The container's own terminal, or its standard streams. */
  | { kind: "attach" };

/** Opens a terminal in a container and shows it in the dock. A failure is shown as a notice. */
export function useOpenTerminal(): (
  containerId: string,
  request: TerminalRequest,
) => Promise<void> {
  const client = useClient();
  return useCallback(
    async (containerId, request) => {
      const wasOpen = useDock.getState().open;
      try {
        if (request.kind === "attach") {
          showTerminal(await client.call("terminals.attach", { containerId }));
          return;
        }
        const { args = [], user, cwd } = request;
        // At once, so that the program begins at the size that it will have.
        setDockOpen(true);
        const input = { containerId, args, user, cwd, ...(await paneSize()) };
        showTerminal(await client.call("terminals.exec", input));
      } catch (error) {
        if (!wasOpen) setDockOpen(false);
        notify({ tone: "bad", title: "No terminal was opened", error });
      }
    },
    [client],
  );
}

/** Columns and rows of the dock's pane that the next terminal is shown in. */
async function paneSize(): Promise<{ cols: number; rows: number }> {
  // The dock is drawn when what opened it has returned.
  await new Promise((resolve) => setTimeout(resolve, 0));
  const panes = document.querySelector(".dock__panes");
  const { width = 0, height = 0 } =
    (panes?.querySelector("[data-focused]") ?? panes)?.getBoundingClientRect() ?? {};
  return terminalSizeIn(width, height);
}
