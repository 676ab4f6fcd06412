import { ChevronDown, ChevronUp, RefreshCw, Search } from "lucide-react";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { IconButton } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { cx } from "./cx.ts";
import { ErrorNote } from "./error-note.tsx";
import { TextField } from "./fields.tsx";
import { count } from "./format.ts";
import {
  findInLines,
  jsonTokens,
  matchesByLine,
  prettyJson,
  stepIndex,
  type TextMatch,
} from "./json-text.ts";
import { SegmentedControl } from "./segmented-control.tsx";
import "./json-view.css";

/** One of the texts that a view shows. */
export interface JsonPart<P extends string> {
  value: P;
  label: string;
  /** Absent while it is being read; null when there is none, which `absent` then says. */
  text: string | null | undefined;
  absent: string;
}

/** JSON texts as they are, one at a time: coloured, searched, copied. */
export function JsonView<P extends string>(props: {
  parts: readonly [JsonPart<P>, ...JsonPart<P>[]];
  error?: unknown;
  /** Reads them again; absent where they never change. */
  onRefresh?: () => void;
  refreshing?: boolean;
}) {
  const { parts, error, onRefresh, refreshing } = props;
  const [part, setPart] = useState(parts[0].value);
  const [text, setText] = useState("");
  const [place, setPlace] = useState<{ of: readonly TextMatch[]; index: number }>();
  const body = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const { text: raw, absent } = parts.find(({ value }) => value === part) ?? parts[0];
  const shown = useMemo(() => (typeof raw === "string" ? prettyJson(raw) : undefined), [raw]);
  const lines = useMemo(() => shown?.split("\n") ?? [], [shown]);
  const matches = useMemo(() => findInLines(lines, text), [lines, text]);
  const byLine = useMemo(() => matchesByLine(matches), [matches]);
  // A new search begins at its first match.
  const at = place?.of === matches ? place.index : matches.length > 0 ? 0 : -1;
  const current = matches[at];

  useEffect(() => {
    if (!current) return;
    const row = body.current?.children[current.line];
    row?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);

  const step = (by: 1 | -1): void =>
    setPlace({ of: matches, index: stepIndex(at, by, matches.length) });
  return (
    <div
      className="inspect"
      onKeyDown={(event) => {
        if (!event.ctrlKey || event.code !== "KeyF") return;
        event.preventDefault();
        field.current?.select();
      }}
    >
      <div className="inspect__bar">
        <SegmentedControl
          label="What to show"
          value={part}
          onChange={setPart}
          options={parts.map(({ value, label }) => ({ value, label }))}
        />
        <TextField
          ref={field}
          className="inspect__search"
          label="Search"
          hideLabel
          placeholder="Search"
          icon={Search}
          value={text}
          onChange={setText}
          onKeyDown={(event) => {
            if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            else if (event.key === "Escape" && text !== "") {
              event.stopPropagation();
              setText("");
            }
          }}
          trailing={
            text !== "" && (
              <span className="num muted" aria-live="polite">
                {matches.length === 0 ? "none" : `${count(at + 1)} of ${count(matches.length)}`}
              </span>
            )
          }
        />
        <IconButton
          size="small"
          icon={ChevronUp}
          label="Previous match"
          shortcut="Shift Enter"
          disabled={matches.length === 0}
          onClick={() => step(-1)}
        />
        <IconButton
          size="small"
          icon={ChevronDown}
          label="Next match"
          shortcut="Enter"
          disabled={matches.length === 0}
          onClick={() => step(1)}
        />
        {onRefresh && (
          <IconButton
            size="small"
            icon={RefreshCw}
            label="Read again"
            disabled={refreshing}
            onClick={onRefresh}
          />
        )}
        <CopyButton text={() => shown ?? ""} label="Copy all" />
      </div>
      {Boolean(error) && <ErrorNote className="inspect__error" error={error} />}
      {raw === null && <p className="inspect__absent dim">{absent}</p>}
      {shown !== undefined && (
        // Keyboard users scroll it: it must take the focus.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <div ref={body} className="inspect__text mono selectable" tabIndex={0}>
          {lines.map((line, index) => (
            // A text's lines never move.
            // oxlint-disable-next-line react/no-array-index-key
            <JsonLine key={index} line={line} matches={byLine.get(index)} current={current} />
          ))}
        </div>
      )}
    </div>
  );
}

const JsonLine = memo(
  function JsonLine(props: {
    line: string;
    matches: TextMatch[] | undefined;
    current: TextMatch | undefined;
  }) {
    const { line, matches, current } = props;
    return (
      <div className="inspect__line">
        {jsonTokens(line, matches, current).map(({ text, kind, match }, index) => (
          <span
            // A line's parts never move.
            // oxlint-disable-next-line react/no-array-index-key
            key={index}
            className={cx(
              `json--${kind}`,
              match && "json--match",
              match === "current" && "json--current",
            )}
          >
            {text}
          </span>
        ))}
      </div>
    );
  },
  (before, after) =>
    before.line === after.line &&
    before.matches === after.matches &&
    (!after.matches || before.current === after.current),
);
