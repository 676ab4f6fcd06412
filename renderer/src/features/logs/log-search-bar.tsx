import { CaseSensitive, ChevronDown, ChevronUp, Regex, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { IconButton } from "../../components/button.tsx";
import { count, percent } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import type { LogQuery } from "./log-search.ts";
import type { LogSearchState } from "./use-log-search.ts";

/** What the bar shows of a search. */
type Shown = Pick<LogSearchState, "matches" | "at" | "limited" | "done" | "progress" | "error">;

export interface LogSearchBarProps {
  /** What is searched: `log`. */
  subject?: string;
  query: LogQuery;
  onQuery: (query: LogQuery) => void;
  search: Shown;
  onStep: (by: 1 | -1) => void;
  onClose: () => void;
}

/** What is searched for, how many lines have it, and the way through them. */
export function LogSearchBar(props: LogSearchBarProps) {
  const { subject = "log", query, onQuery, search, onStep, onClose } = props;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  return (
    <div className="log-search" role="search">
      <input
        ref={input}
        className="log-search__input mono"
        aria-label={`Search the ${subject}`}
        placeholder={`Search the whole ${subject}`}
        spellCheck={false}
        value={query.text}
        onChange={(event) => onQuery({ ...query, text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          else if (event.key === "Enter") onStep(event.shiftKey ? -1 : 1);
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span className="log-search__count num" aria-live="polite">
        {query.text !== "" && <Outcome search={search} />}
      </span>
      <IconButton
        size="small"
        icon={CaseSensitive}
        label="Match case"
        pressed={query.caseSensitive}
        onClick={() => onQuery({ ...query, caseSensitive: !query.caseSensitive })}
      />
      <IconButton
        size="small"
        icon={Regex}
        label="Regular expression"
        pressed={query.regex}
        onClick={() => onQuery({ ...query, regex: !query.regex })}
      />
      <IconButton
        size="small"
        icon={ChevronUp}
        label="Previous match"
        shortcut="Shift Enter"
        disabled={search.matches.length === 0}
        onClick={() => onStep(-1)}
      />
      <IconButton
        size="small"
        icon={ChevronDown}
        label="Next match"
        shortcut="Enter"
        disabled={search.matches.length === 0}
        onClick={() => onStep(1)}
      />
      <IconButton size="small" icon={X} label="Close search" shortcut="Esc" onClick={onClose} />
    </div>
  );
}

function Outcome(props: { search: Shown }) {
  const { matches, at, limited, done, progress, error } = props.search;
  if (error) return <span className="log-search__error">{error.message}</span>;
  if (done && matches.length === 0) return "none";
  const all = `${count(matches.length)}${limited ? "+" : ""}`;
  return (
    <>
      {!done && <Spinner size={12} />}
      {!done && progress > 0 && <span className="dim">{percent(progress).value} %</span>}
      {at < 0 ? all : `${count(at + 1)} of ${all}`}
    </>
  );
}
