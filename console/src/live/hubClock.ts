/** The hub's clock, as far as this browser knows it: every “ago”, and every moment it is asked for. */
import { useSyncExternalStore } from "react";
import { live } from "./socket";

const TICK_MS = 5000;
let now = Date.now();
const watchers = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

/** One clock for all relative times, so that a thousand of them are one timer. */
function watch(watcher: () => void): () => void {
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

/** In milliseconds. */
export function hubNow(): number {
  return Date.now() + live.current().skewMs;
}

/** The same, moving every five seconds. */
export function useHubNow(): number {
  const local = useSyncExternalStore(watch, () => now);
  return local + live.current().skewMs;
}
