import { Activity } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { EmptyState } from "../../components/empty-state.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { clock, dateTime, isoDate } from "../../components/format.ts";
import { Mark } from "../../components/status-mark.tsx";
import { useEvents } from "../../queries/activity.ts";
import { eventSource, eventWords } from "../activity/topics.ts";

/** A container's journal, newest first. */
export function ContainerEvents(props: { id: string }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useEvents(
    props.id,
  );
  const events = data?.pages.flat() ?? [];
  if (error) return <ErrorNote className="inspector__note" error={error} />;
  if (isPending) return null;
  if (events.length === 0) {
    return (
      <EmptyState icon={Activity} title="No events yet">
        What happens to this container is written here.
      </EmptyState>
    );
  }
  return (
    <div className="inspector__scroll">
      <ol className="journal selectable">
        {events.map((event, index) => {
          const day = isoDate(event.time);
          const before = events[index - 1];
          const { words, tone, detail } = eventWords(event);
          const newDay = !before || isoDate(before.time) !== day;
          return (
            <li key={event.seq}>
              {newDay && <h3 className="journal__day num">{day}</h3>}
              <div className="journal__event" title={eventSource(event)}>
                <time className="num" title={dateTime(event.time)}>
                  {clock(event.time)}
                </time>
                <Mark shape={tone === "stop" ? "ring" : "dot"} tone={tone} />
                <span>{words}</span>
                <span className="mono muted truncate">{detail}</span>
              </div>
            </li>
          );
        })}
      </ol>
      {hasNextPage && (
        <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Older events
        </Button>
      )}
    </div>
  );
}
