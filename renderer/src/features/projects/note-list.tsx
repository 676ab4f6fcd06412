import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { ComposeNote } from "#shared/contract/projects";
import { sentence } from "../../components/error-note.tsx";
import { plural } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";

export const noteLooks = {
  error: { icon: CircleAlert, word: "Error" },
  lost: { icon: TriangleAlert, word: "Not carried over" },
  vain: { icon: Info, word: "To know" },
} as const;

const order = ["error", "lost", "vain"] as const;

/** Everything that is said of a compose file, by line; what forbids to start it first. `onLine` leads there. */
export function NoteList(props: {
  notes: readonly ComposeNote[];
  onLine?: ((file: string, line: number) => void) | undefined;
}) {
  const { notes, onLine } = props;
  if (notes.length === 0) return null;
  const files = new Set(notes.map(({ file }) => file));
  const sorted = [...notes].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  return (
    <ul className="compose-notes" aria-label="Notes on the compose file">
      {sorted.map((note) => {
        const { level, file, line, path, message } = note;
        const { icon, word } = noteLooks[level];
        const place = files.size > 1 ? `${file}:${line}` : `line ${line}`;
        return (
          <li key={`${file} ${line} ${path} ${message}`} className={`compose-note--${level}`}>
            <Icon of={icon} size={14} />
            <span className="visually-hidden">{word}:</span>
            {onLine ? (
              <button
                type="button"
                className="compose-notes__line num"
                onClick={() => onLine(file, line)}
              >
                {place}
              </button>
            ) : (
              <span className="compose-notes__line num">{place}</span>
            )}
            <span className="selectable">
              {path && <code className="mono">{path}</code>} {sentence(message)}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** `2 errors, 1 not carried over`; empty when nothing is said. */
export function noteSummary(notes: readonly ComposeNote[]): string {
  const count = (level: ComposeNote["level"]): number =>
    notes.filter((note) => note.level === level).length;
  const errors = count("error");
  const lost = count("lost");
  return [
    errors > 0 && plural(errors, "error"),
    lost > 0 && `${plural(lost, "line")} not carried over`,
  ]
    .filter(Boolean)
    .join(", ");
}
