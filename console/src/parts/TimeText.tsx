import { useSyncExternalStore } from "react";
import { live } from "../live/socket";
import { useText } from "../text";
import { absoluteTime, relativeTime } from "../text/format";

const TICK_MS = 5000;
let now = Date.now();
const watchers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** One clock for all relative times, so that a thousand of them are one timer. */
function watchClock(watcher: () => void): () => void {
  watchers.add(watcher);
  if (ticking === undefined) now = Date.now();
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const one of watchers) one();
  }, TICK_MS);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

/** The hub's time, in milliseconds; moves every five seconds. */
export function useHubNow(): number {
  const local = useSyncExternalStore(watchClock, () => now);
  return local + live.current().skewMs;
}

/** How long ago; the full time with its zone, and UTC, on hover. */
export function TimeText({ at, full }: { at: string | null; full?: boolean }) {
  const text = useText();
  const hubNow = useHubNow();
  if (at === null) return <span className="dim">{text.common.never}</span>;
  // The browser's own tooltip: a table has a thousand of these.
  return (
    <time dateTime={at} title={`${absoluteTime(at)} (${at})`}>
      {full ? absoluteTime(at) : relativeTime(at, hubNow, text.common.now)}
    </time>
  );
}
