import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  axisTime,
  bytes,
  clockTime,
  duration,
  exactTime,
  figure,
  inOrder,
  lasting,
  measure,
  number,
  percent,
  relativeTime,
  short,
  timeWithin,
} from "./format";

describe("numbers", () => {
  it.each([
    [0, "0"],
    [12.345, "12.3"],
    [0.001234, "0.001"],
    [1234.5, "1,235"],
    [123_456, "123.5K"],
    [-20_000, "-20K"],
  ])("are short: %d as %s", (value, text) => expect(short(value)).toBe(text));

  it.each([
    [0, "0"],
    [61.2345, "61.23"],
    [1_234_567, "1,234,567"],
    [0.0001234, "1.23e-4"],
    [2e12, "2.00e+12"],
    [Number.POSITIVE_INFINITY, "–"],
    [null, "–"],
    [undefined, "–"],
  ])("are figures of a chart: %s as %s", (value, text) => expect(figure(value)).toBe(text));

  it("are separated", () => expect(number(12_345)).toBe("12,345"));

  it.each([
    [0, 0, "0 %"],
    [0.5, 0, "50 %"],
    [1, 0, "100 %"],
    [0.9994, 0, "99.9 %"],
    [0.99999, 0, "99.999 %"],
    [0.9999999, 0, "> 99.999 %"],
    [0.0004, 0, "0.04 %"],
    [0.0000001, 0, "< 0.001 %"],
    [0.4567, 1, "45.7 %"],
  ])("are shares: %d to %d places as %s", (share, decimals, text) => {
    expect(percent(share, decimals)).toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1400, "1.4 kB"],
    [999_949, "999.9 kB"],
    [999_960, "1 MB"],
    [24_700_000, "24.7 MB"],
    [-2048, "-2 kB"],
  ])("%i bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

  it.each([
    ["disk.free.bytes", 123_456_789_012, "123.5 GB"],
    ["network.bytesSent", 1400, "1.4 kB"],
    ["cpu.percent", 61.23, "61.2"],
    ["kilobytes", 61.23, "61.2"],
    ["disk.free.bytes", undefined, "–"],
    ["disk.free.bytes", Number.NEGATIVE_INFINITY, "–"],
  ])("of the metric %s, %d is %s", (metric, value, text) => {
    expect(measure(metric, value, short)).toBe(text);
  });
});

describe("lengths", () => {
  it.each([
    [400, "0 s"],
    [59_999, "59 s"],
    [3_600_000, "1 h"],
    [11_520_000, "3 h 12 min"],
    [90_061_000, "1 d 1 h"],
  ])("of %i ms last %s", (length, text) => expect(lasting(length)).toBe(text));

  it.each([
    [12.4, "12 ms"],
    [999.7, "1.0 s"],
    [1234, "1.2 s"],
    [59_960, "1 min"],
    [250_000, "4 min 10 s"],
    [299_700, "5 min"],
    [7_380_000, "2 h 3 min"],
    [90_061_000, "1 d 1 h"],
  ])("of %d ms took %s", (length, text) => expect(duration(length)).toBe(text));
});

describe("times", () => {
  const at = new Date(2026, 10, 28, 9, 5, 7, 250).getTime();

  it("of a day have a clock, and their day where it is another", () => {
    expect(clockTime(at)).toBe("09:05");
    expect(clockTime(at, true)).toMatch(/28 Nov.*09:05/);
    expect(exactTime(at, at + 1000)).toBe("09:05:07.250");
    expect(exactTime(at, at + 86_400_000)).toBe("28 Nov 09:05:07.250");
  });

  it("within more than a day, or at midnight beside an axis, have their day", () => {
    const [hour, midnight] = [3_600_000, new Date(2026, 10, 28).getTime()];
    expect(timeWithin(at, 24 * hour)).toBe("09:05");
    expect(timeWithin(at, 48 * hour)).toMatch(/28 Nov.*09:05/);
    expect(axisTime(at, 24 * hour)).toBe("09:05");
    expect(axisTime(at, 48 * hour)).toMatch(/28 Nov.*09:05/);
    expect([24, 48].map(hours => axisTime(midnight, hours * hour))).toEqual(["28 Nov", "28 Nov"]);
  });

  it.each([
    [0, "now"],
    [4, "now"],
    [-25, "now"],
    [9, "9s ago"],
    [125, "2m ago"],
    [7200, "2h ago"],
    [200_000, "2d ago"],
    [-90, "in 1m"],
  ])("%d seconds ago are %s", (seconds, text) => {
    expect(relativeTime(new Date(at - seconds * 1000).toISOString(), at, "now")).toBe(text);
  });
});

it("puts names in the order of people", () => {
  expect(["line 10", "Line 2", "line 1"].sort(inOrder)).toEqual(["line 1", "Line 2", "line 10"]);
});

it("is the only place that chooses how to write them", () => {
  const source = join(import.meta.dirname, "..");
  const others = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    name => /(?<!\.d|\.test)\.tsx?$/.test(name) && name !== join("text", "format.ts"),
  );
  const own = others.filter(name =>
    /\bIntl\.|\.toLocale(Date|Time)?String\(|\.localeCompare\(|\.toExponential\(/.test(
      readFileSync(join(source, name), "utf8"),
    ),
  );
  expect([others.length > 100, own]).toEqual([true, []]);
});
