import { describe, expect, it } from "vitest";
import type { LiveEvent } from "./frames";
import { countWaves, follow, isUnfinished, problemOf, type Row, sizesOf, tallyOf } from "./waves";

describe("waves", () => {
  it("cuts the row as the hub does", () => {
    const canary = [{ count: 1 }, { percent: 25 }, { percent: 100 }];
    expect(sizesOf(canary, 10)).toEqual([1, 2, 7]);
    expect(sizesOf(canary, 1)).toEqual([1, 0, 0]);
    expect(sizesOf([{ percent: 50 }], 3)).toEqual([2]);
    expect(sizesOf([{ count: 5 }, { percent: 10 }], 8)).toEqual([5, 0]);
  });

  it.each([
    [[{ count: 1 }, { percent: 100 }], null],
    [[{}], "either"],
    [[{ count: 1, percent: 5 }], "either"],
    [[{ count: 0 }], "count"],
    [[{ percent: 101 }], "percent"],
    [[{ percent: 50 }, { count: 1 }, { percent: 50 }], "rising"],
  ])("finds in %j: %s", (waves, problem) => expect(problemOf(waves)).toBe(problem));

  const row = (deviceId: string, wave: number | null, status = "PENDING") =>
    ({ deviceId, wave, status, phase: "waiting", error: null, startedAt: null }) as Row;

  it("counts each wave", () => {
    const rows = [row("a", 0, "SUCCESS"), row("b", 1), row("c", 1, "FAILED"), row("d", null)];
    const [first, second] = countWaves(rows, 2);
    expect(first).toMatchObject({ total: 1, counts: { SUCCESS: 1 } });
    expect(second).toMatchObject({ total: 2, counts: { PENDING: 1, FAILED: 1 } });
  });

  it("follows what is heard of its devices, and of no others", () => {
    const rows = new Map([["a", row("a", 0)]]);
    const heard = (fields: object) =>
      ({
        type: "deployment",
        deviceId: "a",
        ts: "t",
        deploymentId: "d",
        ...fields,
      }) as unknown as LiveEvent;
    const begun = follow(rows, "d", [heard({ status: "IN_PROGRESS", phase: "staged" })]);
    expect(begun.get("a")).toMatchObject({
      status: "IN_PROGRESS",
      phase: "staged",
      startedAt: "t",
    });
    const over = follow(begun, "d", [heard({ status: "FAILED", error: "timeout" })]);
    expect(over.get("a")).toMatchObject({
      phase: "staged",
      finishedAt: "t",
      error: { code: "timeout" },
    });
    expect(follow(rows, "other", [heard({ status: "FAILED" })])).toBe(rows);
    expect(follow(rows, "d", [heard({ deviceId: "b" })])).toBe(rows);
    const waits = follow(begun, "d", [heard({ status: "PENDING", phase: "waiting" })]);
    expect(waits.get("a")).toMatchObject({ finishedAt: null });
  });

  it("names what the hub counts", () => {
    const counts = { pending: 1, inProgress: 2, success: 3, failed: 4, skipped: 5 };
    expect(Object.values(tallyOf(counts))).toEqual([1, 2, 3, 4, 5]);
    expect(["PENDING", "PAUSED", "SUCCESS"].map(isUnfinished)).toEqual([true, true, false]);
  });
});
