import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp, RefreshCw, Search } from "lucide-react";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { IconButton } from "../../components/button.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { cx } from "../../components/cx.ts";
import { ErrorNote } from "../../components/error-note.tsx";
import { TextField } from "../../components/fields.tsx";
import { count } from "../../components/format.ts";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { useClient } from "../../queries/client.tsx";
import { useContainer } from "../../queries/containers.ts";
import {
  findInLines,
  jsonTokens,
  matchesByLine,
  prettyJson,
  stepIndex,
  type TextMatch,
} from "./json-text.ts";

type Part = "record" | "spec" | "runtime";

const absent: Record<Part, string> = {
  record: "There is no record.",
  spec: "No OCI spec has been made yet: the container was never started.",
  runtime: "The runtime knows nothing of it: the container is not running.",
};

/** The record, the OCI spec and the runtime's state, as they are. */
export function InspectView(props: { id: string }) {
  const { id } = props;
  const client = useClient();
  const state = useContainer(id)?.state;
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["inspect", id, state],
    queryFn: ({ signal }) => client.call("containers.inspect", { id }, { signal }),
    placeholderData: (before) => before,
    gcTime: 0,
  });
  const [part, setPart] = useState<Part>("record");
  const [text, setText] = useState("");
  const [place, setPlace] = useState<{ of: readonly TextMatch[]; index: number }>();
  const body = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const raw = data?.[part];
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
          options={[
            { value: "record", label: "Record" },
            { value: "spec", label: "OCI spec" },
            { value: "runtime", label: "Runtime" },
          ]}
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
        <IconButton
          size="small"
          icon={RefreshCw}
          label="Read again"
          disabled={isFetching}
          onClick={() => void refetch()}
        />
        <CopyButton text={() => shown ?? ""} label="Copy all" />
      </div>
      {error && <ErrorNote className="inspector__note" error={error} />}
      {data && shown === undefined && <p className="inspect__absent dim">{absent[part]}</p>}
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
