/**
 * How fresh what is shown is. One rule for all of the console; pure.
 *
 * - *Live*: events follow. What is shown is what the hub knew two seconds ago at most: states come with
 *   events, answers of REST are read again when their record has changed (`records.ts`), and what no
 *   event tells is polled.
 * - *Stale*: no events follow, though they did, or the hub does not let them: what is shown is as of the
 *   last that was heard, and a banner says so.
 * - *Missed*: what happened between two lines. Where the hub cannot replay it, whoever shows it reads it
 *   again over REST: `onceMissed`.
 * - A value that a device told is *old* while the device is not connected: as of its last sign of life.
 *
 * The hub's clock decides how long ago something was: `hubClock.ts`.
 */
import type { Phase } from "./recovery";
import type { Connection, Listener } from "./socket";
import type { Device } from "./standing";

/** What a query answered counts as fresh for this long when nobody says that it has changed. */
export const FRESH_MS = 10_000;

export type Freshness = {
  /** For the header. */
  state: Phase;
  tone: "ok" | "mute" | "bad";
  isLive: boolean;
  /** What is shown may be out of date: the banner says it. */
  isStale: boolean;
};

const TONES: Partial<Record<Phase, Freshness["tone"]>> = { live: "ok", refused: "bad" };

export function freshnessOf({ phase, wasLive }: Pick<Connection, "phase" | "wasLive">): Freshness {
  const isLive = phase === "live";
  // The first line of all is on its way: there is nothing yet that could be out of date.
  const isFirst = !wasLive && phase !== "waiting" && phase !== "refused";
  return { state: phase, tone: TONES[phase] ?? "mute", isLive, isStale: !isLive && !isFirst };
}

/** Whether what this device told of itself is of a time before. */
export function isOld(device: Pick<Device, "connected"> | undefined): boolean {
  return device?.connected === false;
}

/** Calls `read` whenever something may have been missed: a gap, or a beginning without a replay. */
export function onceMissed(read: () => void): Required<Pick<Listener, "onGap" | "onSubscribed">> {
  return {
    onGap: read,
    onSubscribed: recovered => {
      if (!recovered) read();
    },
  };
}
