import { ArrowDown, ArrowDownToLine, Clock, Pause, Play, Search, TextWrap } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Button, IconButton } from "../../components/button.tsx";
import { bytes, joined, plural } from "../../components/format.ts";
import { Menu } from "../../components/menu.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { notify } from "../../components/notices.ts";
import { useClient } from "../../queries/client.tsx";
import { useContainers } from "../../queries/containers.ts";
import { LogModel, type LogSource } from "../../queries/logs.ts";
import { downloadLog } from "./download.ts";
import { LogMerge } from "./log-merge.ts";
import { useLogPreferences } from "./log-preferences.ts";
import { LogRow } from "./log-row.tsx";
import { LogSearchBar } from "./log-search-bar.tsx";
import type { LogQuery } from "./log-search.ts";
import { LogViewport, type LogViewportHandle } from "./log-viewport.tsx";
import { useLogSearch } from "./use-log-search.ts";
import "../../terminals/colors.css";
import "./logs.css";

/** Names of several containers are told apart by this many colours. */
const tones = 6;

/** The logs of one container, or of several merged by time. */
export function LogView(props: { containerIds: readonly string[] }) {
  const key = props.containerIds.join(",");
  return <LogPane key={key} containerIds={props.containerIds} />;
}

function LogPane(props: { containerIds: readonly string[] }) {
  const { containerIds } = props;
  const client = useClient();
  const { items: containers } = useContainers();
  const [models] = useState(() => containerIds.map((id) => new LogModel(client, id)));
  const [merge] = useState(() => (models.length > 1 ? new LogMerge(models) : undefined));
  const source = (merge ?? models[0]) as LogSource;
  const snapshot = useSyncExternalStore(
    useCallback((listener) => source.subscribe(listener), [source]),
    () => source.snapshot(),
  );
  const { timestamps, wrap } = useLogPreferences();
  const viewport = useRef<LogViewportHandle>(null);
  const [following, setFollowing] = useState(true);
  const [seenTotal, setSeenTotal] = useState(0);
  const [query, setQuery] = useState<LogQuery>({ text: "", regex: false, caseSensitive: false });
  const [searching, setSearching] = useState(false);
  const search = useLogSearch(models, merge, searching ? query : { ...query, text: "" }, (line) =>
    viewport.current?.reveal(line),
  );
  const { total, status } = snapshot;

  const follow = useCallback(
    (next: boolean) => {
      setFollowing(next);
      setSeenTotal(source.snapshot().total);
    },
    [source],
  );
  const step = (by: 1 | -1): void => search.step(by, viewport.current?.topLine() ?? 0);
  const names = useMemo(
    () => containerIds.map((id) => containers.get(id)?.name ?? id.slice(0, 12)),
    [containerIds, containers],
  );
  const sources = useMemo(
    () => names.map((name, index) => ({ name, tone: index % tones })),
    [names],
  );
  const added = following ? 0 : Math.max(0, total - seenTotal);

  return (
    <section
      className="log-view"
      aria-label={`Logs of ${names.join(", ")}`}
      onKeyDown={(event) => {
        if (event.ctrlKey && !event.altKey && event.code === "KeyF") {
          event.preventDefault();
          setSearching(true);
        } else if (event.key === "End" && !(event.target instanceof HTMLInputElement)) {
          follow(true);
        }
      }}
    >
      <div className="log-bar">
        <button
          type="button"
          className="log-bar__follow"
          aria-pressed={following}
          title={following ? "Pause following" : "Follow what is written"}
          onClick={() => follow(!following)}
        >
          <FollowMark following={following} status={status.state} />
        </button>
        {names.length > 1 && <span>{names.length} containers</span>}
        <span className="num truncate">{plural(total, "line")}</span>
        <span className="spacer" />
        {searching ? (
          <LogSearchBar
            query={query}
            onQuery={setQuery}
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
          icon={Clock}
          label="Timestamps"
          pressed={timestamps}
          onClick={() => useLogPreferences.setState({ timestamps: !timestamps })}
        />
        <IconButton
          size="small"
          icon={TextWrap}
          label="Wrap long lines"
          pressed={wrap}
          onClick={() => useLogPreferences.setState({ wrap: !wrap })}
        />
        <DownloadMenu containerIds={containerIds} names={names} />
      </div>
      {status.state === "failed" && (
        <ErrorNote className="log-view__note" title="The log can't be read" error={status.error} />
      )}
      <div className="log-view__body">
        {total === 0 && status.state === "following" ? (
          <EmptyState title="Nothing written yet">
            What {names.length > 1 ? "these containers write" : "this container writes"} to standard
            output and standard error appears here.
          </EmptyState>
        ) : (
          <LogViewport
            ref={viewport}
            total={total}
            wrap={wrap}
            following={following}
            onFollowing={follow}
            label={`Log of ${names.join(", ")}`}
            renderRow={(n) => {
              const place = merge?.place(n);
              return (
                <LogRow
                  line={source.line(n)}
                  source={place && sources[place.source]}
                  pattern={search.pattern}
                  current={search.currentLine === n}
                  timestamps={timestamps}
                />
              );
            }}
          />
        )}
        {!following && (
          <Button className="log-view__jump" icon={ArrowDown} onClick={() => follow(true)}>
            {added > 0 ? `${plural(added, "new line")}, jump to end` : "Jump to end"}
          </Button>
        )}
      </div>
    </section>
  );
}

function FollowMark(props: { following: boolean; status: string }) {
  if (props.status === "connecting") return <>Reading</>;
  return props.following ? (
    <>
      <Pause size={13} strokeWidth={1.5} aria-hidden="true" />
      Following
    </>
  ) : (
    <>
      <Play size={13} strokeWidth={1.5} aria-hidden="true" />
      Paused
    </>
  );
}

function DownloadMenu(props: { containerIds: readonly string[]; names: readonly string[] }) {
  const { containerIds, names } = props;
  const client = useClient();
  const [progress, setProgress] = useState<{ bytes: number; abort: AbortController }>();
  useEffect(() => () => progress?.abort.abort(), [progress?.abort]);

  const download = async (timestamps: boolean): Promise<void> => {
    const abort = new AbortController();
    try {
      for (const [index, id] of containerIds.entries()) {
        const fileName = `${names[index] ?? id}.log`;
        const { signal } = abort;
        const onProgress = (bytes: number): void => setProgress({ bytes, abort });
        await downloadLog(client, { id, fileName, timestamps, signal, onProgress });
      }
    } catch (error) {
      if (!abort.signal.aborted) notify({ tone: "bad", title: "The log was not saved", error });
    } finally {
      setProgress(undefined);
    }
  };

  if (progress) {
    return (
      <Button variant="link" onClick={() => progress.abort.abort()}>
        {joined(bytes(progress.bytes))} · Cancel
      </Button>
    );
  }
  return (
    <Menu
      entries={[
        { label: "Download", onSelect: () => void download(false) },
        { label: "Download with timestamps", onSelect: () => void download(true) },
      ]}
    >
      <IconButton size="small" icon={ArrowDownToLine} label="Download" />
    </Menu>
  );
}
