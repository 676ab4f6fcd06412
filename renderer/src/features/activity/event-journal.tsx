import { useVirtualizer } from "@tanstack/react-virtual";
import { Activity } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Event } from "#shared/contract/activity";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { Select } from "../../components/fields.tsx";
import { clock, dateTime, isoDate } from "../../components/format.ts";
import { Spinner } from "../../components/spinner.tsx";
import { Mark } from "../../components/status-mark.tsx";
import { useEvents } from "../../queries/activity.ts";
import { useContainers } from "../../queries/containers.ts";
import { inspect } from "../../state/selection.ts";
import { eventSource, eventWords } from "./topics.ts";

const rowHeight = 28;
/** Older ones are asked for when so many rows are left below. */
const ahead = 30;

/** The journal, newest first: live at its top, endless downwards. */
export function EventJournal() {
  const containers = useContainers();
  const [containerId, setContainerId] = useState("");
  const query = useEvents(containerId || undefined);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const events = useMemo(() => data?.pages.flat() ?? [], [data]);
  const body = useRef<HTMLDivElement>(null);
  // As in the list of containers: the compiler leaves this component alone.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: events.length,
    getScrollElement: () => body.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => events[index]?.seq ?? index,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= events.length - ahead) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, last, events.length, fetchNextPage]);
  const choices = [...containers.items.values()]
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ id, name }) => ({ value: id, label: name }));
  if (containerId !== "" && !containers.items.has(containerId)) {
    const known = events.find((event) => event.containerName !== undefined)?.containerName;
    choices.push({ value: containerId, label: `${known ?? containerId.slice(0, 12)}, deleted` });
  }
  return (
    <div className="events">
      <div className="events__bar">
        <Select
          label="Container"
          hideLabel
          value={containerId}
          onChange={setContainerId}
          options={[{ value: "", label: "All containers" }, ...choices]}
        />
        <span className="dim">Newest first</span>
        {isFetchingNextPage && <Spinner className="dim" />}
      </div>
      {error ? (
        <ErrorNote className="events__error" title="The journal can't be read" error={error} />
      ) : isPending ? null : events.length === 0 ? (
        <EmptyState icon={Activity} title="Nothing has happened yet">
          Every start, exit, pause and deletion is written here, with its time.
        </EmptyState>
      ) : (
        <div ref={body} className="events__body" role="log" aria-live="off" aria-label="Events">
          <div className="events__all" style={{ height: virtualizer.getTotalSize() }}>
            {items.map((item) => {
              const event = events[item.index];
              return (
                event && (
                  <div
                    key={item.key}
                    className="events__slot"
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <EventRow
                      event={event}
                      showDay={isoDate(event.time) !== isoDate(events[item.index - 1]?.time ?? 0)}
                      exists={
                        event.containerId !== undefined && containers.items.has(event.containerId)
                      }
                    />
                  </div>
                )
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

function EventRow(props: { event: Event; showDay: boolean; exists: boolean }) {
  const { event, showDay, exists } = props;
  const { words, tone, detail } = eventWords(event);
  const { containerId } = event;
  const name = event.containerName ?? containerId?.slice(0, 12);
  return (
    <div className="events__row" title={eventSource(event)}>
      <span className="events__day dim num">{showDay && isoDate(event.time)}</span>
      <time className="muted num" title={dateTime(event.time)}>
        {clock(event.time)}
      </time>
      <Mark shape={tone === "stop" ? "ring" : "dot"} tone={tone} />
      <span className="truncate">
        {name !== undefined &&
          (exists && containerId ? (
            <button type="button" className="events__name" onClick={() => inspect(containerId)}>
              {name}
            </button>
          ) : (
            <b className="events__name">{name}</b>
          ))}{" "}
        {words}
      </span>
      <span className="events__data muted mono truncate selectable">{detail}</span>
    </div>
  );
}
