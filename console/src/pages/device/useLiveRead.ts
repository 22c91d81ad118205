/** What is read over REST and then kept up by events: read from where the events follow. */
import { useEffect, useRef } from "react";
import type { Filter, LiveEvent } from "../../live/frames";
import { useLive } from "../../live/hooks";
import { live } from "../../live/socket";

/** What was said just before a subscription may not be stored yet: it is read once more after this. */
export const SETTLE_MS = 2500;

/** `read` is called when events begin to follow, after a gap, and at once while there is no line. */
export function useLiveRead(
  filter: Filter,
  { onEvent, read }: { onEvent: (event: LiveEvent) => void; read: () => void },
): void {
  const newest = useRef(read);
  newest.current = read;
  const again = useRef<ReturnType<typeof setTimeout>>(undefined);
  const twice = () => {
    newest.current();
    clearTimeout(again.current);
    again.current = setTimeout(() => newest.current(), SETTLE_MS);
  };
  useLive(filter, {
    onEvent,
    onGap: twice,
    onSubscribed: recovered => recovered || twice(),
  });
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another reading
  useEffect(() => {
    if (live.current().phase !== "live") newest.current();
    return () => clearTimeout(again.current);
  }, [key]);
}

/** The hub's clock, as far as this browser knows it; milliseconds. */
export function hubNow(): number {
  return Date.now() + live.current().skewMs;
}
