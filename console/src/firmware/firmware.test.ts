import { describe, expect, it } from "vitest";
import type { LiveEvent } from "../live/frames";
import type { Device } from "../live/standing";
import { type Aim, aimedAt, previewOf, targetOf } from "./targets";
import { fitOf, numbersOf } from "./versions";
import { countWaves, follow, isUnfinished, problemOf, type Row, sizesOf, tallyOf } from "./waves";

it.each([
  ["1.2.0", "1.2.0", "same"],
  ["1.2.0", "1.10.0", "newer"],
  ["2.0", "1.9.9", "older"],
  ["1.2", "1.2.1-rc1", "newer"],
  ["1.2", "1.2.0", "unknown"],
  ["dev", "1.0", "unknown"],
  [null, "1.0", "unknown"],
])("to %s, %s is %s", (present, wanted, fit) => expect(fitOf(present, wanted)).toBe(fit));

it("reads the numbers that a version begins with", () => {
  expect(numbersOf("1.10.2-rc1")).toEqual([1, 10, 2]);
  expect(numbersOf("main")).toBeNull();
});

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

describe("targets", () => {
  const device = (id: string, more: Partial<Device> = {}) =>
    ({
      id,
      tags: [],
      groupIds: [],
      status: "ONLINE",
      connected: true,
      version: "1.0",
      ...more,
    }) as unknown as Device;
  const fleet = [
    device("a", { tags: ["x"], groupIds: ["g"] }),
    device("b", { status: "OFFLINE", connected: false, version: "2.0" }),
    device("c", { version: "3.0" }),
  ];
  const all: Aim = { by: "filter", tag: null, status: null, version: null };
  const ids = (aim: Aim) => aimedAt(aim, fleet).map(({ id }) => id);

  it("finds them by name, group or filter", () => {
    expect(ids({ by: "devices", deviceIds: ["c", "nobody", "a"] })).toEqual(["c", "a"]);
    expect(ids({ by: "group", groupId: "g" })).toEqual(["a"]);
    expect(ids({ by: "group", groupId: null })).toEqual([]);
    expect(ids(all)).toEqual(["a", "b", "c"]);
    expect(ids({ ...all, tag: "x" })).toEqual(["a"]);
    expect(ids({ ...all, status: "OFFLINE", version: "2.0" })).toEqual(["b"]);
  });

  it("says what will become of them", () => {
    expect(previewOf(fleet, "2.0")).toEqual({ total: 3, there: 1, newer: 1, away: 1 });
  });

  it("says it to the hub", () => {
    expect(targetOf({ by: "devices", deviceIds: [] })).toBeNull();
    expect(targetOf({ by: "devices", deviceIds: ["a"] })).toEqual({ deviceIds: ["a"] });
    expect(targetOf({ by: "group", groupId: null })).toBeNull();
    expect(targetOf({ by: "group", groupId: "g" })).toEqual({ groupId: "g" });
    expect(targetOf({ ...all, by: "filter", tag: "x" } as Aim)).toEqual({ filter: { tag: "x" } });
  });
});
