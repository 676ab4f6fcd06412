import { Ban, CircleCheck, CircleX, Hammer } from "lucide-react";
import { memo, useLayoutEffect, useRef, useState } from "react";
import type { BuildLine } from "#shared/contract/images";
import { Button } from "../../components/button.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { clock, count, exactDuration, plural } from "../../components/format.ts";
import { Icon } from "../../components/icon.tsx";
import { Since } from "../../components/since.tsx";
import { Spinner } from "../../components/spinner.tsx";
import { cancelBuild, useBuildLog } from "../../queries/builds.ts";
import { type Build, useBuilds } from "../../state/builds.ts";
import { openOverlay } from "../../state/overlays.ts";
import { ansiStyle } from "../logs/ansi-style.ts";
import { parseAnsi, stripAnsi } from "../logs/ansi.ts";
import "./build.css";

/** Px from the end within which the log is followed. */
const near = 24;

/** A build's log as it is written, how it ended, and what can be done then. */
export function BuildView(props: { buildId: string; name: string }) {
  const { buildId, name } = props;
  const build = useBuilds(({ builds }) => builds.get(buildId));
  const { lines, dropped, ended, error } = useBuildLog(buildId);
  const body = useRef<HTMLDivElement>(null);
  const [following, setFollowing] = useState(true);
  useLayoutEffect(() => {
    const element = body.current;
    if (element && following && lines.length > 0) element.scrollTop = element.scrollHeight;
  }, [lines.length, following]);
  const text = (): string => lines.map((line) => stripAnsi(line.text)).join("\n");
  return (
    <section className="build" aria-label={`Build of ${name}`}>
      <div className="build__bar">
        {build ? <Outcome build={build} /> : <Icon of={Hammer} size={14} />}
        <b className="truncate">{name}</b>
        <Took build={build} />
        <span className="num muted">{plural(lines.length + dropped, "line")}</span>
        <span className="spacer" />
        {build?.status === "running" && (
          <Button onClick={() => cancelBuild(buildId)}>Cancel</Button>
        )}
        {build?.imageId !== undefined && (
          <Button onClick={() => openOverlay({ kind: "create", imageId: build.imageId })}>
            Run it…
          </Button>
        )}
        {build && build.status !== "running" && (
          <Button onClick={() => openOverlay({ kind: "build", again: build.request })}>
            Build again…
          </Button>
        )}
        <CopyButton text={text} label="Copy the log" />
      </div>
      {build?.error && (
        <ErrorNote className="build__note" title={`${name} was not built`} error={build.error} />
      )}
      {error !== undefined && (
        <ErrorNote className="build__note" title="The log can't be read" error={error} />
      )}
      {ended && !build && error === undefined && (
        <Notice className="build__note">
          It was begun before this window was opened, and has ended. If it went well its image is in
          the list.
        </Notice>
      )}
      {dropped > 0 && (
        <p className="build__note dim">
          {dropped === 1 ? "The first line is" : `The first ${count(dropped)} lines are`} not shown.
        </p>
      )}
      <div
        ref={body}
        className="build__log mono selectable"
        role="log"
        aria-label={`What the build of ${name} says`}
        // Keyboard users scroll it: it must take the focus.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={({ currentTarget: at }) =>
          setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < near)
        }
      >
        {lines.map((line, index) => (
          <LogLine key={dropped + index} line={line} />
        ))}
      </div>
    </section>
  );
}

const outcomes = {
  done: { icon: CircleCheck, word: "Built", tone: "run" },
  failed: { icon: CircleX, word: "Failed", tone: "bad" },
  cancelled: { icon: Ban, word: "Cancelled", tone: "stop" },
} as const;

function Outcome(props: { build: Build }) {
  const { status } = props.build;
  if (status === "running") {
    return (
      <span className="build__outcome tone--busy">
        <Spinner size={13} /> Building
      </span>
    );
  }
  const { icon, word, tone } = outcomes[status];
  return (
    <span className={`build__outcome tone--${tone}`}>
      <Icon of={icon} size={14} /> {word}
    </span>
  );
}

function Took(props: { build: Build | undefined }) {
  const { build } = props;
  if (!build) return null;
  return (
    <span className="num muted">
      {build.endedAt === undefined ? (
        <Since time={build.startedAt} />
      ) : (
        exactDuration(build.endedAt - build.startedAt)
      )}
    </span>
  );
}

const LogLine = memo(function LogLine(props: { line: BuildLine }) {
  const { time, text } = props.line;
  return (
    <div className="build__line">
      <time className="dim">{clock(time)}</time>
      <span>
        {parseAnsi(text).map(({ text: piece, style }, index) => (
          // A line's pieces never move.
          // oxlint-disable-next-line react/no-array-index-key
          <span key={index} style={ansiStyle(style)}>
            {piece}
          </span>
        ))}
      </span>
    </div>
  );
});
