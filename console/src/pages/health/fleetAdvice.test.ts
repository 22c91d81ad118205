// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Device } from "../../live/standing";
import { device } from "../../testing/device";
import { connectedOf, fleetAdvice } from "./fleetAdvice";

const NOW = Date.parse("2026-01-02T12:00:00.000Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

const lost = (seconds: number) =>
  device({ connected: false, status: "OFFLINE", lastSeen: ago(seconds) });

type Deployment = Parameters<typeof fleetAdvice>[2][number];
const deployment = (part: Partial<Deployment>) =>
  ({
    id: "p1",
    releaseId: "r1",
    version: "2.0",
    status: "IN_PROGRESS",
    counts: { pending: 1, inProgress: 1, success: 1, failed: 0, skipped: 0 },
    stoppedBecause: null,
    finishedAt: null,
    ...part,
  }) as Deployment;

const about = (devices: Device[], stuck: { status: "SENT" }[] = [], plans: Deployment[] = []) =>
  fleetAdvice(devices, stuck, plans, NOW);

describe("the fleet", () => {
  it("is well when devices are connected and nothing fails", () => {
    expect(about([device(), lost(50)])).toEqual([]);
    expect(connectedOf([device(), lost(50)])).toEqual({ total: 2, connected: 1 });
  });

  it("is not well when nobody is connected, however long", () => {
    const never = device({ connected: false, lastSeen: null });
    expect(about([never, lost(999_999)])).toEqual([{ about: "none", value: 2 }]);
  });

  it("says nothing of an empty fleet", () => {
    expect(about([])).toEqual([]);
  });

  it("has devices in error", () => {
    expect(about([device({ status: "ERROR" }), device()])).toEqual([{ about: "error", value: 1 }]);
  });

  it("has lost devices together when they fell silent within a minute", () => {
    const there = device();
    expect(about([there, lost(100), lost(130), lost(3000), lost(159)])).toEqual([
      { about: "together", value: 3, at: ago(100) },
    ]);
    expect(about([there, lost(100), lost(200), lost(300)])).toEqual([]);
    expect(about([there, ...[1, 2, 3].map(n => lost(86_400 * 2 + n))])).toEqual([]);
    const blocked = [1, 2, 3].map(n => ({ ...lost(n), disabled: true }));
    expect(about([there, ...blocked])).toEqual([]);
  });

  it("has commands that do not end", () => {
    expect(about([device()], [{ status: "SENT" }, { status: "SENT" }])).toEqual([
      { about: "stuck", value: 2, status: "SENT" },
    ]);
  });
});

it.each([
  [{}, false],
  [{ counts: { pending: 1, inProgress: 0, success: 0, failed: 2, skipped: 0 } }, true],
  [{ status: "PAUSED" as const, stoppedBecause: "owner_lacks_right" }, true],
  [{ status: "PAUSED" as const }, false],
  [{ status: "FAILED" as const, finishedAt: ago(60) }, true],
  [{ status: "FAILED" as const, finishedAt: ago(86_500) }, false],
  [{ status: "SUCCESS" as const, finishedAt: ago(60) }, false],
])("a deployment with %o fails: %s", (part, failing) => {
  const found = about([device()], [], [deployment(part)]);
  expect(found.map(one => one.about)).toEqual(failing ? ["deployment"] : []);
});
