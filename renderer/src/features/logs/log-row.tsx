import { memo, useMemo } from "react";
import type { LogLine } from "#shared/contract/logs";
import { cx } from "../../components/cx.ts";
import { dateTime } from "../../components/format.ts";
import { ansiStyle } from "./ansi-style.ts";
import { decorate, type Piece } from "./decorate.ts";

/** Height of a row that is not wrapped, px; the style sheet's line height. */
export const rowHeight = 20;

export interface LogRowProps {
  /** Undefined while it is being read. */
  line: LogLine | undefined;
  /** The container's name, when several are shown together. */
  source?: { name: string; tone: number } | undefined;
  pattern: RegExp | undefined;
  /** The match one is at. */
  current: boolean;
  timestamps: boolean;
}

/** One line of a log. */
export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { line, source, pattern, current, timestamps } = props;
  const pieces = useMemo(() => (line ? decorate(line.text, pattern) : []), [line, pattern]);
  if (!line) return <div className="log-row log-row--loading" />;
  return (
    <div
      className={cx(
        "log-row",
        line.stream === "stderr" && "log-row--stderr",
        current && "log-row--current",
      )}
    >
      {line.stream === "stderr" && <span className="visually-hidden">stderr: </span>}
      {timestamps && <time title={exactTime(line.time)}>{localTime(line.time)}</time>}
      {source && (
        <span className={`log-row__source log-row__source--${source.tone}`}>{source.name}</span>
      )}
      <span className="log-row__text">
        {pieces.map((piece, index) => (
          // A line's pieces never move.
          // oxlint-disable-next-line react/no-array-index-key
          <LogPiece key={index} piece={piece} />
        ))}
        {line.cut && <span className="log-row__cut">… cut at 64 KiB</span>}
      </span>
    </div>
  );
});

function LogPiece(props: { piece: Piece }) {
  const { text, style, match, href, level } = props.piece;
  let content = href ? (
    <a
      href={href}
      target="_blank"
      rel="noopener noreferrer"
      onClick={(event) => {
        event.preventDefault();
        window.open(href, "_blank", "noopener,noreferrer");
      }}
    >
      {text}
    </a>
  ) : (
    <>{text}</>
  );
  if (match) content = <mark>{content}</mark>;
  if (level) return <em className={`log-level--${level}`}>{content}</em>;
  if (Object.keys(style).length === 0) return content;
  return <span style={ansiStyle(style)}>{content}</span>;
}

/** `14:02:11.402`, here. */
function localTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  return `${dateTime(at.getTime()).slice(11)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** Local date and time with all the digits that the shim wrote. */
function exactTime(time: string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return time;
  const fraction = /\.(\d+)/u.exec(time)?.[1];
  return `${dateTime(at.getTime())}${fraction ? `.${fraction}` : ""}`;
}
