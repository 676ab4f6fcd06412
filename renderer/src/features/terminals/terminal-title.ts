import type { Terminal } from "#shared/contract/terminals";

/** What a terminal runs, as a tab has room for: `bash`, `psql -U app`. */
export function terminalTitle(terminal: Terminal): string {
  if (terminal.kind === "attach") return "attached";
  const [program = "terminal", ...rest] = terminal.args;
  return [program.slice(program.lastIndexOf("/") + 1), ...rest].join(" ");
}
