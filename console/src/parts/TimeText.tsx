import { useSyncExternalStore } from "react";
import { live } from "../live/socket";
import { useText } from "../text";

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

const relative = new Intl.RelativeTimeFormat("en", { style: "narrow", numeric: "always" });
const absolute = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/** Clocks are read every few seconds: what is a little ahead is no future. */
const JUST_NOW_MS = 5000;
const AHEAD_MS = 30_000;

/** “5 min ago”, against `at` milliseconds. */
export function relativeTime(moment: string, at: number, justNow: string): string {
  const apart = Date.parse(moment) - at;
  if (apart > -JUST_NOW_MS && apart < AHEAD_MS) return justNow;
  for (const [unit, length] of STEPS) {
    if (Math.abs(apart) >= length) return relative.format(Math.trunc(apart / length), unit);
  }
  return justNow;
}

/** In the browser's zone, which is named. */
export function absoluteTime(moment: string): string {
  const date = new Date(moment);
  const zone = Intl.DateTimeFormat("en-GB", { timeZoneName: "shortOffset" })
    .formatToParts(date)
    .find(({ type }) => type === "timeZoneName")?.value;
  return `${absolute.format(date)} ${zone ?? ""}`;
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
