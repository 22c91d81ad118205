/** What is read over REST and then kept up by events: read from where the events follow. */
import { useEffect, useRef } from "react";
import type { Filter, LiveEvent } from "../../live/frames";
import { useLive } from "../../live/hooks";
import { live } from "../../live/socket";

/** `read` is called when events begin to follow, after a gap, and at once while there is no line. */
export function useLiveRead(
  filter: Filter,
  { onEvent, read }: { onEvent: (event: LiveEvent) => void; read: () => void },
): void {
  const newest = useRef(read);
  newest.current = read;
  useLive(filter, {
    onEvent,
    onGap: read,
    onSubscribed: recovered => recovered || read(),
  });
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another reading
  useEffect(() => {
    if (live.current().phase !== "live") newest.current();
  }, [key]);
}

/** The hub's clock, as far as this browser knows it; milliseconds. */
export function hubNow(): number {
  return Date.now() + live.current().skewMs;
}
