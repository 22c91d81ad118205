import { expect, test } from "vitest";
import { en } from "../../text/en";
import { bodyOf, doesOf, EMPTY, paramsOf, totalOf, whenOf } from "./scheduleForm";

const words = en.schedules;
const FILLED = { ...EMPTY, name: " night ", timezone: "UTC", query: "connected" };

test("a body is there when nothing is missing", () => {
  expect(bodyOf(FILLED)).toBeNull();
  expect(
    bodyOf({ ...FILLED, command: "pull_logs", params: '{"lines": 10}', queued: true }),
  ).toEqual({
    name: "night",
    cron: "0 3 * * *",
    timezone: "UTC",
    target: { query: "connected" },
    command: { type: "pull_logs", lines: 10 },
    delivery: "queue",
  });
  expect(bodyOf({ ...FILLED, command: "force_sync", params: "[1]" })).toBeNull();
});

test("parameters are an object", () => {
  expect(paramsOf(" ")).toEqual({});
  expect(paramsOf('{"a": 1}')).toEqual({ a: 1 });
  for (const wrong of ["1", "[]", "null", "{"]) expect(paramsOf(wrong)).toBeNull();
});

test("a schedule says what it does and when", () => {
  const title = (type: string) => type.toUpperCase();
  const plan = { name: null, releaseId: null, command: null, application: null };
  const campaign = (more: object) => ({ command: null, campaign: { ...plan, ...more } as never });
  expect(doesOf({ command: { type: "a" }, campaign: null }, words, title)).toBe("A");
  expect(doesOf(campaign({ command: { type: "a" } }), words, title)).toBe("campaign: A");
  expect(doesOf(campaign({ releaseId: "r" }), words, title)).toBe("campaign: release");
  expect(doesOf(campaign({ application: { name: "shop", revision: "1" } }), words, title)).toBe(
    "campaign: shop",
  );
  expect(doesOf({ command: null, campaign: null }, words, title)).toBe("");
  expect(whenOf({ cron: "0 3 * * *", at: null, timezone: "UTC" }, words)).toBe("0 3 * * * · UTC");
  expect(whenOf({ cron: "0 3 * * *", at: null, timezone: "device" }, words)).toContain("each");
  expect(whenOf({ cron: null, at: "2100-01-01T00:00:00Z", timezone: "UTC" }, words)).toMatch(
    /once/,
  );
});

test("every device of a run counts", () => {
  const counts = { pending: 1, inProgress: 2, success: 3, failed: 4, skipped: 5 };
  expect(totalOf({ counts })).toBe(15);
});
