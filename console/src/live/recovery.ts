/**
 * What to say on one dashboard socket, and when to open the next. Pure: it is told what happened and
 * the time (milliseconds of a clock that only rises), and answers with effects; `socket.ts` carries
 * them out.
 *
 *     idle ──start──▶ connecting ──opened──▶ greeting ──auth_ok──▶ live
 *                        ▲   └──────────────── closed ───────────────┘
 *                        └──── due ──── waiting ◀─┘        refused: only `hurry` leads out
 *
 * After a break one `subscribe` carries every subscription and `since`, the place of the last thing
 * heard. What the hub cannot replay is a gap: it names it, or the core does when there is no place.
 */
import { CLOSINGS, type Closing } from "../api/closings";
import type { Filter, Frame, Gap, LiveEvent, Position } from "./frames";

export type Phase = "idle" | "connecting" | "greeting" | "live" | "waiting" | "refused";

export type Happening =
  | { what: "start" }
  | { what: "stop" }
  | { what: "hurry" }
  | { what: "want"; id: string; filter: Filter }
  | { what: "drop"; id: string }
  | { what: "opened" }
  | { what: "frame"; frame: Frame }
  | { what: "closed"; code: number }
  | { what: "renewed" }
  | { what: "tick" };

export type Effect =
  | { do: "connect" }
  | { do: "authenticate" }
  | { do: "renew-token" }
  | { do: "send"; frame: object }
  | { do: "close" }
  | { do: "deliver"; event: LiveEvent }
  | { do: "gap"; gap: Gap }
  | { do: "subscribed"; id: string; recovered: boolean }
  | { do: "server-time"; serverTime: string; roundTripMs: number }
  | { do: "phase"; phase: Phase; dueAt: number | null };

export const FIRST_BACKOFF_MS = 1000;
export const LONGEST_BACKOFF_MS = 30_000;
export const STABLE_MS = 60_000;
export const PING_MS = 15_000;
export const PATIENCE_MS = 10_000;

/** A code that nobody knows: wait, with full jitter. */
const UNKNOWN: Closing = { reason: "", comeBack: true, waitSeconds: 0, newToken: false };

export class Recovery {
  private phase: Phase = "idle";
  private readonly wanted = new Map<string, Filter>();
  private position: Position | null = null;
  private attempts = 0;
  private liveSince = 0;
  private dueAt: number | null = null;
  private heardAt = 0;
  private pingedAt: number | null = null;
  private tokenRefused = false;

  /** `random` in [0, 1), for the jitter. */
  constructor(private readonly random: () => number) {}

  on(happening: Happening, now: number): Effect[] {
    switch (happening.what) {
      case "start":
        return this.phase === "idle" ? this.connect() : [];
      case "stop":
        return this.stop();
      case "hurry":
        return this.phase === "waiting" || this.phase === "refused" ? this.connect() : [];
      case "want":
        return this.want(happening.id, happening.filter);
      case "drop":
        return this.drop(happening.id);
      case "opened":
        this.heardAt = now;
        return this.phase === "connecting"
          ? [...this.enter("greeting"), { do: "authenticate" }]
          : [];
      case "frame":
        return this.heard(happening.frame, now);
      case "closed":
        return this.closed(happening.code, now);
      case "renewed":
        return this.renewed();
      case "tick":
        return this.tick(now);
    }
  }

  private connect(): Effect[] {
    this.dueAt = null;
    return [...this.enter("connecting"), { do: "connect" }];
  }

  private stop(): Effect[] {
    const open = this.phase !== "idle" && this.phase !== "waiting" && this.phase !== "refused";
    this.position = null;
    this.attempts = 0;
    this.dueAt = null;
    this.pingedAt = null;
    this.tokenRefused = false;
    return [...this.enter("idle"), ...(open ? ([{ do: "close" }] as const) : [])];
  }

  private want(id: string, filter: Filter): Effect[] {
    this.wanted.set(id, filter);
    return this.phase === "live"
      ? [{ do: "send", frame: { type: "subscribe", id, ...filter } }]
      : [];
  }

  private drop(id: string): Effect[] {
    return this.wanted.delete(id) && this.phase === "live"
      ? [{ do: "send", frame: { type: "unsubscribe", id } }]
      : [];
  }

  private heard(frame: Frame, now: number): Effect[] {
    if (this.phase !== "live" && this.phase !== "greeting") return [];
    this.heardAt = now;
    switch (frame.type) {
      case "auth_ok":
        this.tokenRefused = false;
        return this.phase === "greeting" ? this.greeted(now) : [];
      case "subscribed":
        // Where everything since the last place is about to come, the place moves with it.
        if (!frame.recovered) this.moveTo(frame);
        return [{ do: "subscribed", id: frame.id, recovered: frame.recovered }];
      case "unsubscribed":
        return [];
      case "pong":
        return this.ponged(frame, now);
      case "gap":
        if (frame.to !== null) this.moveTo({ epoch: frame.epoch, offset: frame.to });
        return [{ do: "gap", gap: frame }];
      case "error":
        return frame.code === "since_too_late" ? [{ do: "gap", gap: this.unknownGap() }] : [];
      default:
        this.moveTo(frame);
        return [{ do: "deliver", event: frame }];
    }
  }

  private greeted(now: number): Effect[] {
    this.liveSince = now;
    return [...this.enter("live"), ...this.resume(), ...this.ping(now)];
  }

  /** One frame with every subscription, so that one `since` serves them all. */
  private resume(): Effect[] {
    if (this.wanted.size === 0) return [];
    const subscriptions = [...this.wanted].map(([id, filter]) => ({ id, ...filter }));
    const since = this.position === null ? {} : { since: this.position };
    return [{ do: "send", frame: { type: "subscribe", subscriptions, ...since } }];
  }

  private ponged(pong: { serverTime: string } & Position, now: number): Effect[] {
    const roundTripMs = this.pingedAt === null ? 0 : now - this.pingedAt;
    this.pingedAt = null;
    this.moveTo(pong);
    return [{ do: "server-time", serverTime: pong.serverTime, roundTripMs }];
  }

  private moveTo({ epoch, offset }: Position): void {
    const known = this.position;
    if (known === null || known.epoch !== epoch || known.offset < offset) {
      this.position = { epoch, offset };
    }
  }

  private unknownGap(): Gap {
    return {
      type: "gap",
      epoch: this.position?.epoch ?? "",
      from: null,
      to: null,
      reason: "expired",
    };
  }

  private closed(code: number, now: number): Effect[] {
    if (this.phase === "idle" || this.phase === "refused" || this.phase === "waiting") return [];
    if (this.phase === "live" && now - this.liveSince >= STABLE_MS) this.attempts = 0;
    const { comeBack, waitSeconds, newToken } = CLOSINGS[code] ?? UNKNOWN;
    if (!comeBack) return this.enter("refused");
    if (!newToken) return this.wait(1000 * waitSeconds, now);
    // A new token comes through `renewed`. A second refusal of a fresh one is no reason to storm.
    const again = this.tokenRefused;
    this.tokenRefused = true;
    return again
      ? this.wait(LONGEST_BACKOFF_MS, now)
      : [...this.wait(0, now), { do: "renew-token" }];
  }

  private wait(least: number, now: number): Effect[] {
    const ceiling = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.attempts);
    this.attempts += 1;
    this.pingedAt = null;
    this.dueAt = now + least + this.random() * ceiling;
    return this.enter("waiting");
  }

  private renewed(): Effect[] {
    if (this.phase === "live") return [{ do: "authenticate" }];
    return this.phase === "waiting" && this.tokenRefused ? this.connect() : [];
  }

  private tick(now: number): Effect[] {
    if (this.phase === "waiting") return now >= (this.dueAt ?? 0) ? this.connect() : [];
    if (this.phase !== "live") return [];
    if (this.pingedAt !== null && now - Math.max(this.pingedAt, this.heardAt) >= PATIENCE_MS) {
      return [...this.wait(0, now), { do: "close" }];
    }
    return this.pingedAt === null && now - this.heardAt >= PING_MS ? this.ping(now) : [];
  }

  /** At first for the hub's time, later to hear whether anybody is there. */
  private ping(now: number): Effect[] {
    this.pingedAt = now;
    return [{ do: "send", frame: { type: "ping" } }];
  }

  private enter(phase: Phase): Effect[] {
    this.phase = phase;
    return [{ do: "phase", phase, dueAt: this.dueAt }];
  }
}
