import { parseShellWords, quoteShellWords } from "#shared/base/shell-words";
import { Button } from "../../components/button.tsx";
import { TextField } from "../../components/fields.tsx";

/** A command line, and below it what will be run: word by word, nothing expanded. */
export function CommandField(props: {
  label: string;
  /** Absent: the image's own, which is shown and can be edited. */
  value: string | undefined;
  /** Undefined gives it back to the image. */
  onChange: (value: string | undefined) => void;
  own: readonly string[];
  placeholder: string;
  /** At the label's right end, while there is nothing to give back. */
  aside?: React.ReactNode;
  error?: string | undefined;
}) {
  const { label, value, onChange, own, placeholder, aside, error } = props;
  const text = value ?? quoteShellWords(own);
  const parsed = parseShellWords(text);
  // A line break in one of the image's words shows here and not in the field, which has one line.
  const words = value === undefined ? own : parsed.ok ? parsed.words.map((word) => word.value) : [];
  return (
    <div className="command-field">
      <TextField
        label={label}
        mono
        placeholder={placeholder}
        value={text}
        onChange={onChange}
        error={parsed.ok ? error : undefined}
        aria-invalid={parsed.ok ? undefined : true}
        aside={
          value !== undefined && own.length > 0 ? (
            <Button variant="link" onClick={() => onChange(undefined)}>
              Back to the image’s
            </Button>
          ) : (
            aside
          )
        }
      />
      {parsed.ok ? (
        // One word that is all there is says nothing more.
        words.length > 0 &&
        (words.length > 1 || words[0] !== text.trim()) && (
          <ol
            className="chips"
            aria-label={`${label} as words`}
            data-own={value === undefined || undefined}
          >
            {words.map((word, index) => (
              // Words have no identity but their place.
              // oxlint-disable-next-line react/no-array-index-key
              <li key={index} className="mono selectable">
                {word === "" ? <span className="dim">empty</span> : word}
              </li>
            ))}
          </ol>
        )
      ) : (
        <p className="field__error" role="alert">
          {parsed.message}:{" "}
          <code className="mono">
            {text.slice(Math.max(0, parsed.position - 12), parsed.position)}
            <mark>{text.slice(parsed.position, parsed.position + 1)}</mark>
            {text.slice(parsed.position + 1, parsed.position + 20)}
          </code>
        </p>
      )}
    </div>
  );
}
