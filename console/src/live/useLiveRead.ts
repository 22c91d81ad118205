/** What is read over REST and then kept up by events: read from where the events follow. */
import { useEffect, useRef } from "react";
import type { Filter, LiveEvent } from "./frames";
import { freshnessOf, onceMissed } from "./freshness";
import { useLive } from "./hooks";
import { live } from "./socket";

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
    ...onceMissed(twice),
  });
  const key = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter is another reading
  useEffect(() => {
    if (!freshnessOf(live.current()).isLive) newest.current();
    return () => clearTimeout(again.current);
  }, [key]);
}
