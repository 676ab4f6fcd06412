import { ArrowLeft, Download, RefreshCw, Search, TextWrap } from "lucide-react";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { shownName, splitPath } from "#shared/base/file-names";
import type { FileSource, FileText } from "#shared/contract/files";
import { AppError } from "#shared/errors";
import { Button, IconButton } from "../../components/button.tsx";
import { cx } from "../../components/cx.ts";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { textLimit, useFileText } from "../../queries/files.ts";
import { useLogPreferences } from "../logs/log-preferences.ts";
import { LogSearchBar } from "../logs/log-search-bar.tsx";
import { firstAtOrAfter, type LogQuery, queryPattern } from "../logs/log-search.ts";
import { LogViewport, type LogViewportHandle } from "../logs/log-viewport.tsx";
import "../logs/logs.css";

/** Characters of a line that are drawn: one of a million makes a browser stand still. */
const longestLine = 5000;

/** A file's beginning as text, with line numbers and a search. */
export function TextViewer(props: {
  source: FileSource;
  path: string;
  onClose: () => void;
  onDownload: () => void;
}) {
  const { source, path, onClose, onDownload } = props;
  const { data: text, error, refetch } = useFileText(source, path);
  const { wrap } = useLogPreferences();
  const [searching, setSearching] = useState(false);
  const viewport = useRef<LogViewportHandle>(null);
  const shown = text !== undefined;
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    // The keys belong to what was opened, and scroll it once it is there.
    const { activeElement, body } = document;
    if (activeElement !== body && activeElement !== section.current) return;
    if (shown && viewport.current) viewport.current.focus();
    else section.current?.focus();
  }, [shown]);
  const lines = useMemo(() => toLines(text?.text ?? ""), [text]);
  const search = useTextSearch(lines, searching);
  const name = shownName(splitPath(path).name);
  const step = (by: 1 | -1): void => {
    const line = search.step(by, viewport.current?.topLine() ?? 0);
    if (line !== undefined) viewport.current?.reveal(line);
  };
  return (
    <section
      ref={section}
      className="text-viewer log-view"
      data-escape
      tabIndex={-1}
      aria-label={`Text of ${name}`}
      onKeyDown={(event) => {
        if (event.ctrlKey && !event.altKey && event.code === "KeyF") setSearching(true);
        else if (event.key === "Escape" || event.key === "Backspace") {
          if (event.target instanceof HTMLInputElement) return;
          onClose();
        } else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <div className="log-bar">
        <IconButton
          size="small"
          icon={ArrowLeft}
          label="Back to the directory"
          shortcut="Backspace"
          onClick={onClose}
        />
        <b className="truncate">{name}</b>
        {text && <span className="num truncate">{facts(text, lines.length)}</span>}
        <span className="spacer" />
        {searching ? (
          <LogSearchBar
            subject="file"
            query={search.query}
            onQuery={search.setQuery}
            search={search}
            onStep={step}
            onClose={() => {
              setSearching(false);
              viewport.current?.focus();
            }}
          />
        ) : (
          <IconButton
            size="small"
            icon={Search}
            label="Search"
            shortcut="Ctrl F"
            onClick={() => setSearching(true)}
          />
        )}
        <IconButton
          size="small"
          icon={TextWrap}
          label="Wrap long lines"
          pressed={wrap}
          onClick={() => useLogPreferences.setState({ wrap: !wrap })}
        />
        <IconButton
          size="small"
          icon={RefreshCw}
          label="Read again"
          onClick={() => void refetch()}
        />
        <IconButton size="small" icon={Download} label="Download" onClick={onDownload} />
      </div>
      {text?.cut && text.encoding !== "binary" && (
        <Notice className="log-view__note">
          The first {joined(bytes(textLimit))} of {joined(bytes(text.size))}. Download it to have
          all.
        </Notice>
      )}
      <div className="log-view__body">
        {error ? (
          <ErrorNote className="log-view__note" title="It can’t be shown" error={error} />
        ) : text?.encoding === "binary" ? (
          <EmptyState
            title="It is no text"
            actions={<Button onClick={onDownload}>Download</Button>}
          >
            {name} has {joined(bytes(text.size))} of binary data.
          </EmptyState>
        ) : text?.size === 0 && text.text === "" ? (
          <EmptyState title="It is empty" />
        ) : (
          text && (
            <LogViewport
              ref={viewport}
              total={lines.length}
              wrap={wrap}
              following={false}
              // It is whole: there is no end to follow.
              onFollowing={() => undefined}
              label={`Text of ${name}`}
              renderRow={(n) => (
                <TextRow
                  text={lines[n] ?? ""}
                  number={n + 1}
                  digits={String(lines.length).length}
                  pattern={search.pattern}
                  current={search.currentLine === n}
                />
              )}
            />
          )
        )}
      </div>
    </section>
  );
}

function TextRow(props: {
  text: string;
  number: number;
  digits: number;
  pattern: RegExp | undefined;
  current: boolean;
}) {
  const { text, number, digits, pattern, current } = props;
  const shown = text.slice(0, longestLine);
  return (
    <div className={cx("log-row", current && "log-row--current")}>
      <span className="text-viewer__number num" style={{ width: `${digits}ch` }} aria-hidden="true">
        {number}
      </span>
      <span className="log-row__text">
        {marked(shown, pattern)}
        {text.length > longestLine && <span className="log-row__cut">… cut</span>}
        {/* An empty line is one, too, when it is copied. */}
        {"\n"}
      </span>
    </div>
  );
}

function marked(text: string, pattern: RegExp | undefined) {
  if (!pattern) return text;
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    parts.push(text.slice(at, match.index), <mark key={match.index}>{match[0]}</mark>);
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

function useTextSearch(lines: readonly string[], searching: boolean) {
  const [query, setQuery] = useState<LogQuery>({ text: "", regex: false, caseSensitive: false });
  const [currentLine, setCurrentLine] = useState<number>();
  const settled = useDeferredValue(query);
  const { pattern, matches } = useMemo(() => {
    const pattern = searching ? queryPattern(settled) : undefined;
    const found = (line: string): boolean => pattern !== undefined && line.search(pattern) >= 0;
    return { pattern, matches: lines.flatMap((line, index) => (found(line) ? [index] : [])) };
  }, [lines, searching, settled]);
  const at = currentLine === undefined ? -1 : matches.indexOf(currentLine);
  const wrong = searching && settled.text !== "" && !pattern;
  return {
    ...{ query, setQuery, pattern, matches, at, limited: false, done: true, progress: 1 },
    currentLine: at < 0 ? undefined : currentLine,
    ...(wrong
      ? { error: new AppError("INVALID_ARGUMENT", "That is not a regular expression") }
      : {}),
    step: (by: 1 | -1, topLine: number): number | undefined => {
      if (matches.length === 0) return undefined;
      const from = firstAtOrAfter(matches, currentLine ?? topLine);
      const next = by === -1 ? from - 1 : at >= 0 ? from + 1 : from;
      const line = matches[(next + matches.length) % matches.length];
      setCurrentLine(line);
      return line;
    },
  };
}

function toLines(text: string): string[] {
  const lines = text.split(/\r?\n/);
  // A text ends with a line break; there is no line after it.
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function facts({ size, encoding }: FileText, lines: number): string {
  const parts = [joined(bytes(size))];
  if (encoding !== "binary") parts.push(plural(lines, "line"));
  if (encoding.startsWith("utf-16")) parts.push(encoding.toUpperCase());
  return parts.join(" · ");
}
