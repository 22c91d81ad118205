import { beforeEach, describe, expect, it } from "vitest";
import { CLOSINGS } from "../api/closings";
import type { Frame, LiveEvent } from "./frames";
import {
  type Effect,
  FIRST_BACKOFF_MS,
  type Happening,
  LONGEST_BACKOFF_MS,
  PATIENCE_MS,
  PING_MS,
  Recovery,
  STABLE_MS,
} from "./recovery";

let core: Recovery;
let now: number;
let random: number;

beforeEach(() => {
  now = 1_000_000;
  random = 0.5;
  core = new Recovery(() => random);
});

const on = (happening: Happening) => core.on(happening, now);
const frame = (one: Frame) => on({ what: "frame", frame: one });
const closed = (code: number) => on({ what: "closed", code });
const later = (ms: number) => {
  now += ms;
  return on({ what: "tick" });
};
const isPing = (frame: object) => "type" in frame && frame.type === "ping";
const frames = (effects: Effect[]) =>
  effects.flatMap(one => (one.do === "send" ? [one.frame] : []));
const sent = (effects: Effect[]) => frames(effects).filter(one => !isPing(one));
const pings = (effects: Effect[]) => frames(effects).filter(isPing).length;
const pong = () =>
  frame({ type: "pong", serverTime: "2026-01-01T00:00:00.000Z", epoch: "e1", offset: 0 });
const kinds = (effects: Effect[]) => effects.map(one => one.do);
const phase = (effects: Effect[]) => effects.findLast(one => one.do === "phase")?.phase;
const dueIn = (effects: Effect[]) => {
  const found = effects.findLast(one => one.do === "phase");
  return found?.dueAt === null || found === undefined ? null : found.dueAt - now;
};
const event = (offset: number, epoch = "e1"): LiveEvent => ({
  type: "status",
  deviceId: "edge-1",
  ts: "2026-01-01T00:00:00.000Z",
  status: "ONLINE",
  epoch,
  offset,
});
const goLive = () => {
  on({ what: "start" });
  on({ what: "opened" });
  return frame({ type: "auth_ok", expiresAt: "2026-01-01T00:15:00.000Z" });
};
const comeBack = () => {
  later(LONGEST_BACKOFF_MS * 2);
  on({ what: "opened" });
  return frame({ type: "auth_ok", expiresAt: "2026-01-01T00:15:00.000Z" });
};

describe("opening", () => {
  it("connects, says who it is, then subscribes to everything wanted in one frame", () => {
    expect(kinds(on({ what: "start" }))).toEqual(["phase", "connect"]);
    expect(on({ what: "want", id: "a", filter: { types: ["status"] } })).toEqual([]);
    expect(on({ what: "want", id: "b", filter: { deviceIds: ["edge-1"] } })).toEqual([]);
    expect(kinds(on({ what: "opened" }))).toEqual(["phase", "authenticate"]);

    const effects = frame({ type: "auth_ok", expiresAt: "" });

    expect(phase(effects)).toBe("live");
    expect(sent(effects)).toEqual([
      {
        type: "subscribe",
        subscriptions: [
          { id: "a", types: ["status"] },
          { id: "b", deviceIds: ["edge-1"] },
        ],
      },
    ]);
  });

  it("sends no subscribe when nothing is wanted", () => {
    expect(sent(goLive())).toEqual([]);
  });

  it("starts once", () => {
    on({ what: "start" });
    expect(on({ what: "start" })).toEqual([]);
  });

  it("does not take an `opened` that nobody waits for", () => {
    expect(on({ what: "opened" })).toEqual([]);
  });
});

describe("subscriptions while live", () => {
  it("go at once, one by one", () => {
    goLive();
    expect(sent(on({ what: "want", id: "a", filter: { types: ["alert"] } }))).toEqual([
      { type: "subscribe", id: "a", types: ["alert"] },
    ]);
    expect(sent(on({ what: "drop", id: "a" }))).toEqual([{ type: "unsubscribe", id: "a" }]);
    expect(frame({ type: "unsubscribed", id: "a" })).toEqual([]);
    expect(on({ what: "drop", id: "a" })).toEqual([]);
  });

  it("that were dropped while away are not asked for again", () => {
    goLive();
    on({ what: "want", id: "a", filter: {} });
    closed(1006);
    expect(on({ what: "drop", id: "a" })).toEqual([]);
    expect(sent(comeBack())).toEqual([]);
  });

  it("tell their owner from where on events follow", () => {
    goLive();
    const said = frame({ type: "subscribed", id: "a", epoch: "e1", offset: 7, recovered: false });
    expect(said).toEqual([{ do: "subscribed", id: "a", recovered: false }]);
  });
});

describe("coming back", () => {
  const resumedWith = () => (sent(comeBack())[0] as { since?: unknown } | undefined)?.since;

  beforeEach(() => {
    goLive();
    on({ what: "want", id: "a", filter: {} });
  });

  it("asks for everything since the last event", () => {
    expect(frame(event(41))).toEqual([{ do: "deliver", event: event(41) }]);
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e1", offset: 41 });
  });

  it("asks since the subscription when there was no event", () => {
    frame({ type: "subscribed", id: "a", epoch: "e1", offset: 30, recovered: false });
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e1", offset: 30 });
  });

  it("keeps its place by pongs while it is quiet", () => {
    frame(event(41));
    frame({ type: "pong", serverTime: "", epoch: "e1", offset: 50 });
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e1", offset: 50 });
  });

  it("does not skip a replay that is cut: `recovered` moves no place", () => {
    frame(event(41));
    closed(1006);
    comeBack();
    frame({ type: "subscribed", id: "a", epoch: "e1", offset: 90, recovered: true });
    frame(event(42));
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e1", offset: 42 });
  });

  it("never goes back in one epoch, and takes another epoch as it is", () => {
    frame(event(41));
    frame(event(40));
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e1", offset: 41 });
    frame(event(3, "e2"));
    closed(1006);
    expect(resumedWith()).toEqual({ epoch: "e2", offset: 3 });
  });

  it("asks for nothing missed when it never had a place", () => {
    closed(1006);
    expect(resumedWith()).toBeUndefined();
  });

  it("forgets its place with the sign-out, and keeps what is wanted", () => {
    frame(event(41));
    expect(kinds(on({ what: "stop" }))).toEqual(["phase", "close"]);
    expect(sent(goLive())).toEqual([{ type: "subscribe", subscriptions: [{ id: "a" }] }]);
  });
});

describe("gaps", () => {
  it("are told, and the place is behind them", () => {
    goLive();
    on({ what: "want", id: "a", filter: {} });
    frame(event(41));
    const gap = { type: "gap", epoch: "e1", from: 41, to: 60, reason: "slow" } as const;
    expect(frame(gap)).toEqual([{ do: "gap", gap }]);
    closed(1006);
    expect(sent(comeBack())[0]).toMatchObject({ since: { epoch: "e1", offset: 60 } });
  });

  it("of unknown size are told too", () => {
    goLive();
    const gap = { type: "gap", epoch: "e2", from: null, to: null, reason: "epoch" } as const;
    expect(frame(gap)).toEqual([{ do: "gap", gap }]);
  });

  it("are assumed when the hub could not take `since`", () => {
    goLive();
    const late = { type: "error", code: "since_too_late", message: "" } as const;
    const unknown = { type: "gap", from: null, to: null, reason: "expired" };
    expect(frame(late)).toMatchObject([{ do: "gap", gap: { ...unknown, epoch: "" } }]);
    frame(event(1));
    expect(frame(late)).toMatchObject([{ do: "gap", gap: { ...unknown, epoch: "e1" } }]);
  });

  it("are not made of other errors", () => {
    goLive();
    expect(frame({ type: "error", code: "forbidden", message: "" })).toEqual([]);
  });
});

describe("waiting", () => {
  it("doubles with full jitter up to its longest", () => {
    goLive();
    let expected = FIRST_BACKOFF_MS;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      expect(dueIn(closed(1006))).toBe(expected * random);
      expected = Math.min(expected * 2, LONGEST_BACKOFF_MS);
      later(LONGEST_BACKOFF_MS);
    }
    random = 0;
    expect(dueIn(closed(1006))).toBe(0);
  });

  it("begins small again after a stable minute", () => {
    goLive();
    closed(1006);
    comeBack();
    now += STABLE_MS - 1;
    expect(dueIn(closed(1006))).toBe(FIRST_BACKOFF_MS * 2 * random);
    comeBack();
    now += STABLE_MS;
    expect(dueIn(closed(1006))).toBe(FIRST_BACKOFF_MS * random);
  });

  it("ends when it is due, not before", () => {
    goLive();
    closed(1006);
    expect(later(FIRST_BACKOFF_MS * random - 1)).toEqual([]);
    expect(kinds(later(1))).toEqual(["phase", "connect"]);
  });

  it.each([
    [1013, 5000],
    [4400, 30_000],
    [4409, 30_000],
    [4429, 30_000],
    [1001, 0],
    [1012, 0],
    [4408, 0],
  ])("after %i is %i ms at least", (code, least) => {
    goLive();
    random = 0;
    expect(dueIn(closed(code))).toBe(least);
  });

  it.each(Object.entries(CLOSINGS))("does after %i what the contract says", (code, closing) => {
    goLive();
    random = 0;
    const effects = closed(Number(code));
    expect(phase(effects)).toBe(closing.comeBack ? "waiting" : "refused");
    expect(effects.some(effect => effect.do === "renew-token")).toBe(closing.newToken);
    expect(dueIn(effects)).toBe(closing.comeBack ? 1000 * closing.waitSeconds : null);
  });

  it.each([1008, 4403])("after %i there is none until somebody asks for it", code => {
    goLive();
    expect(phase(closed(code))).toBe("refused");
    expect(later(LONGEST_BACKOFF_MS * 10)).toEqual([]);
    expect(closed(1006)).toEqual([]);
    expect(phase(on({ what: "hurry" }))).toBe("connecting");
  });

  it("is tried at once when somebody asks for it, from where it was", () => {
    goLive();
    on({ what: "want", id: "s1", filter: {} });
    frame(event(7));
    closed(1006);
    expect(phase(on({ what: "hurry" }))).toBe("connecting");
    on({ what: "opened" });
    const greeted = frame({ type: "auth_ok", expiresAt: "2026-01-01T00:15:00.000Z" });
    expect(sent(greeted)).toMatchObject([{ since: { epoch: "e1", offset: 7 } }]);
    expect(on({ what: "hurry" })).toEqual([]);
  });

  it("does not count a second close of one socket", () => {
    goLive();
    closed(1006);
    expect(closed(1006)).toEqual([]);
  });

  it("stops without a close when there is no socket", () => {
    goLive();
    closed(1006);
    expect(kinds(on({ what: "stop" }))).toEqual(["phase"]);
    expect(later(LONGEST_BACKOFF_MS * 2)).toEqual([]);
  });
});

describe("tokens", () => {
  it("that are renewed are shown on the same socket", () => {
    goLive();
    expect(on({ what: "renewed" })).toEqual([{ do: "authenticate" }]);
    expect(frame({ type: "auth_ok", expiresAt: "" })).toEqual([]);
  });

  it("that are refused are renewed, and the new one is tried at once", () => {
    goLive();
    expect(kinds(closed(4401))).toEqual(["phase", "renew-token"]);
    expect(kinds(on({ what: "renewed" }))).toEqual(["phase", "connect"]);
  });

  it("that are refused again wait longest", () => {
    goLive();
    closed(4401);
    on({ what: "renewed" });
    expect(dueIn(closed(4401))).toBeGreaterThanOrEqual(LONGEST_BACKOFF_MS);
  });

  it("that are renewed do not hurry a wait for something else", () => {
    goLive();
    closed(1013);
    expect(on({ what: "renewed" })).toEqual([]);
  });
});

describe("a line that says nothing", () => {
  beforeEach(() => {
    goLive();
    pong();
  });

  it("is asked, and given up when it does not answer", () => {
    expect(later(PING_MS - 1)).toEqual([]);
    expect(pings(later(1))).toBe(1);
    expect(later(PATIENCE_MS - 1)).toEqual([]);
    expect(kinds(later(1))).toEqual(["phase", "close"]);
  });

  it("is not given up while anything comes", () => {
    later(PING_MS);
    now += PATIENCE_MS - 1;
    frame(event(1));
    expect(later(PATIENCE_MS - 1)).toEqual([]);
  });

  it("is asked anew after each answer", () => {
    later(PING_MS);
    pong();
    expect(pings(later(PING_MS))).toBe(1);
  });
});

describe("the hub's time", () => {
  const serverTime = "2026-01-01T00:00:00.000Z";

  it("is asked for at once, and comes with how long the way was", () => {
    expect(pings(goLive())).toBe(1);
    now += 80;
    expect(pong()).toEqual([{ do: "server-time", serverTime, roundTripMs: 80 }]);
  });

  it("is taken as it is when nobody asked", () => {
    goLive();
    pong();
    expect(pong()).toEqual([{ do: "server-time", serverTime, roundTripMs: 0 }]);
  });
});

describe("what does not belong to the present socket", () => {
  it("is left alone", () => {
    expect(frame(event(1))).toEqual([]);
    expect(closed(1006)).toEqual([]);
    expect(on({ what: "tick" })).toEqual([]);
    on({ what: "start" });
    expect(later(PING_MS * 4)).toEqual([]);
  });
});
