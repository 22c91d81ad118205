import { expect, it } from "vitest";
import { isNoticeable, NOTICEABLE_MS, skewOf } from "./clock";

const AT = Date.parse("2026-01-01T00:00:00.000Z");

it("is nothing when both clocks agree, whatever the way takes", () => {
  expect(skewOf("2026-01-01T00:00:00.000Z", AT + 40, 80)).toBe(0);
});

it("is positive when this clock is behind the hub's", () => {
  expect(skewOf("2026-01-01T00:01:00.000Z", AT, 0)).toBe(60_000);
});

it("is noticed in both directions, from five seconds on", () => {
  expect([NOTICEABLE_MS, -NOTICEABLE_MS, NOTICEABLE_MS - 1].map(isNoticeable)).toEqual([
    true,
    true,
    false,
  ]);
});
