/**
 * A line of an image's history as its Dockerfile had it: the old builder wraps what it ran in `/bin/sh -c`, and what
 * it did not run in `#(nop)`; BuildKit ends its lines with `# buildkit`. Lines of other tools stay as they are.
 */
export function readableStep(createdBy: string): { instruction: string; text: string } {
  const line = createdBy.replace(/\s*# buildkit$/, "").trim();
  const nop = /^\/bin\/sh -c #\(nop\)\s*(.*)$/s.exec(line);
  const said = nop ? (nop[1] ?? "") : line.replace(/^\/bin\/sh -c /, "RUN ");
  const [, instruction = "", rest = said] = /^([A-Z]{3,11})\s+(.*)$/s.exec(said) ?? [];
  return { instruction, text: rest.replace(/^\/bin\/sh -c /, "").trim() };
}
