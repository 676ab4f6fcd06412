import { parseShellWords } from "#shared/base/shell-words";
import { TextField } from "../../components/fields.tsx";

/** A command line, and below it what will be run: word by word, nothing expanded. */
export function CommandField(props: {
  value: string;
  onChange: (value: string) => void;
  /** What runs when it is left empty. */
  imageArgs: readonly string[];
  error?: string | undefined;
}) {
  const { value, onChange, imageArgs, error } = props;
  const parsed = parseShellWords(value);
  const own = parsed.ok && parsed.words.length === 0;
  const words = own ? imageArgs : parsed.ok ? parsed.words.map((word) => word.value) : [];
  return (
    <div className="command-field">
      <TextField
        label="Command"
        mono
        placeholder={
          imageArgs.length > 0 ? "the image's own" : "sh -c 'while :; do date; sleep 1; done'"
        }
        value={value}
        onChange={onChange}
        error={parsed.ok ? error : undefined}
        aria-invalid={parsed.ok ? undefined : true}
      />
      {parsed.ok ? (
        words.length > 0 && (
          <ol
            className="chips"
            aria-label={own ? "The image's command" : "Parsed words"}
            data-own={own || undefined}
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
            {value.slice(Math.max(0, parsed.position - 12), parsed.position)}
            <mark>{value.slice(parsed.position, parsed.position + 1)}</mark>
            {value.slice(parsed.position + 1, parsed.position + 20)}
          </code>
        </p>
      )}
    </div>
  );
}
