import type { Terminal } from "#shared/contract/terminals";
import { useTerminals } from "../../queries/terminals.ts";
import { type TerminalTab, useDock } from "../../state/dock.ts";

/** What a terminal runs, as a tab has room for: `bash`, `psql -U app`, `sh as www`. */
export function terminalTitle(terminal: Terminal): string {
  if (terminal.kind === "attach") return "attached";
  const [program = "terminal", ...rest] = terminal.args;
  const command = [program.slice(program.lastIndexOf("/") + 1), ...rest].join(" ");
  return terminal.user ? `${command} as ${terminal.user}` : command;
}

/** The user's name for a terminal; else what it runs, with its number where another of its container runs the same. */
export function useTerminalName(): (terminal: Terminal) => string {
  const tabs = useDock((state) => state.tabs);
  const { items } = useTerminals();
  const named = tabs.filter((tab): tab is TerminalTab => tab.kind === "terminal");
  return (terminal) => {
    const own = named.find(({ terminalId }) => terminalId === terminal.id);
    if (own?.label !== undefined) return own.label;
    const title = terminalTitle(terminal);
    const alike = named.some((tab) => {
      const other = tab === own ? undefined : items.get(tab.terminalId);
      return (
        other?.containerId === terminal.containerId &&
        tab.label === undefined &&
        terminalTitle(other) === title
      );
    });
    return own && alike ? `${title} ${own.number}` : title;
  };
}
