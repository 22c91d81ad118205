import { describe, expect, it, vi } from "vitest";
import { freshnessOf, isOld, onceMissed } from "./freshness";

describe("what is shown", () => {
  it.each([
    ["idle", false, false, false],
    ["connecting", false, false, false],
    ["greeting", false, false, false],
    ["live", false, true, false],
    ["live", true, true, false],
    ["waiting", false, false, true],
    ["waiting", true, false, true],
    ["connecting", true, false, true],
    ["greeting", true, false, true],
    ["refused", false, false, true],
  ] as const)("%s (live before: %s) is live %s, stale %s", (phase, wasLive, isLive, isStale) => {
    expect(freshnessOf({ phase, wasLive })).toMatchObject({ state: phase, isLive, isStale });
  });

  it("has the tone of its state", () => {
    const tone = (phase: "live" | "refused" | "waiting") =>
      freshnessOf({ phase, wasLive: true }).tone;
    expect([tone("live"), tone("refused"), tone("waiting")]).toEqual(["ok", "bad", "mute"]);
  });
});

it("calls old what a device told that is away, and nothing else", () => {
  expect([isOld({ connected: false }), isOld({ connected: true }), isOld(undefined)]).toEqual([
    true,
    false,
    false,
  ]);
});

it("reads again after a gap, and at a beginning without a replay", () => {
  const read = vi.fn();
  const { onGap, onSubscribed } = onceMissed(read);
  onSubscribed(true);
  expect(read).not.toHaveBeenCalled();
  onSubscribed(false);
  onGap({ type: "gap", epoch: "e", from: null, to: null, reason: "slow" });
  expect(read).toHaveBeenCalledTimes(2);
});
