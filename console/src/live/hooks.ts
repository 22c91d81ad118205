import { useEffect, useRef, useSyncExternalStore } from "react";
import type { Filter } from "./frames";
import { type Connection, type Listener, live } from "./socket";

export function useConnection(): Connection {
  return useSyncExternalStore(live.watch, live.current);
}

/** Events of `filter` while the component is there; null subscribes to nothing. */
export function useLive(filter: Filter | null, listener: Listener): void {
  const newest = useRef(listener);
  newest.current = listener;
  const key = JSON.stringify(filter);
  useEffect(() => {
    const wanted = JSON.parse(key) as Filter | null;
    if (wanted === null) return;
    return live.subscribe(wanted, {
      onEvent: event => newest.current.onEvent(event),
      onGap: gap => newest.current.onGap?.(gap),
      onSubscribed: recovered => newest.current.onSubscribed?.(recovered),
    });
  }, [key]);
}
