import { useSyncExternalStore } from "react";
import { dateTime, duration, moment } from "./format.ts";

/** One clock for all ages on screen, ticking only while something listens. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, a step every second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / 1000) * 1000);
}

/**
 * How long ago. It renders again only when its own text changes: once a second below a minute, then
 * once a minute, an hour, a day.
 */
export function Since(props: { time: number }) {
  const { time } = props;
  const text = useSyncExternalStore(subscribe, () => duration(Date.now() - time));
  return (
    <time className="num" dateTime={new Date(time).toISOString()} title={dateTime(time)}>
      {text}
    </time>
  );
}

/** A point in time, short; the whole on hover. */
export function Moment(props: { time: number; seconds?: boolean }) {
  const { time, seconds } = props;
  const text = useSyncExternalStore(subscribe, () => moment(time, Date.now(), seconds));
  return (
    <time className="num" dateTime={new Date(time).toISOString()} title={dateTime(time)}>
      {text}
    </time>
  );
}
