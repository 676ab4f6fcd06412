import { Plus, X } from "lucide-react";
import { Button, IconButton } from "../../components/button.tsx";
import { type Pair, pair, parsePairLines } from "./form.ts";

/** Rows of name and value. Pasting several lines of KEY=VALUE makes a row of each. */
export function PairsEditor(props: {
  label: string;
  add: string;
  keyLabel: string;
  /** What is there by itself, shown dim; one of the pairs takes its place. */
  inherited?: readonly [name: string, value: string][] | undefined;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  error?: string | undefined;
}) {
  const { label, add, keyLabel, inherited = [], pairs, onChange, error } = props;
  const kept = inherited.filter(([name]) => !pairs.some(({ key }) => key === name));
  const set = (id: number, part: Partial<Pair>): void =>
    onChange(pairs.map((each) => (each.id === id ? { ...each, ...part } : each)));
  const onPaste = (event: React.ClipboardEvent, at: Pair): void => {
    const text = event.clipboardData.getData("text");
    if (!text.includes("=") || at.key !== "") return;
    event.preventDefault();
    const pasted = parsePairLines(text);
    const index = pairs.indexOf(at);
    onChange([...pairs.slice(0, index), ...pasted, ...pairs.slice(index + 1)]);
  };
  return (
    <fieldset className="pairs">
      <legend>{label}</legend>
      {kept.length > 0 && (
        <ul className="pairs__inherited mono" aria-label={`${label} of the image`}>
          {kept.map(([name, value]) => (
            <li key={name}>
              <span className="truncate selectable" title={`${name}=${value}`}>
                <span className="muted">{name}</span>
                <span className="dim">={value}</span>
              </span>
              <Button variant="link" onClick={() => onChange([...pairs, pair(name, value)])}>
                Change
                <span className="visually-hidden"> {name}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {pairs.map((each) => (
        <div key={each.id} className="pairs__row">
          <div className="input mono">
            <input
              aria-label={keyLabel}
              placeholder="NAME"
              spellCheck={false}
              // The row was just added by the user.
              // oxlint-disable-next-line jsx-a11y/no-autofocus
              autoFocus={each.key === "" && each.value === ""}
              value={each.key}
              onPaste={(event) => onPaste(event, each)}
              onChange={(event) => set(each.id, { key: event.target.value })}
            />
          </div>
          <span className="dim mono" aria-hidden="true">
            =
          </span>
          <div className="input mono">
            <input
              aria-label={`Value of ${each.key || "the new one"}`}
              placeholder="value"
              spellCheck={false}
              value={each.value}
              onChange={(event) => set(each.id, { value: event.target.value })}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault();
                onChange([...pairs, pair()]);
              }}
            />
          </div>
          <IconButton
            size="small"
            icon={X}
            label={`Remove ${each.key || "this row"}`}
            onClick={() => onChange(pairs.filter(({ id }) => id !== each.id))}
          />
        </div>
      ))}
      <Button variant="link" icon={Plus} onClick={() => onChange([...pairs, pair()])}>
        {add}
      </Button>
      {error && <div className="field__error">{error}</div>}
    </fieldset>
  );
}
