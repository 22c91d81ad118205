import { expect, it } from "vitest";
import { chosen, type Point, Series, SPANS } from "./series";

const STEP = 10_000;
const point = (at: number, avg: number, count = 1): Point => ({
  ts: new Date(at).toISOString(),
  count,
  avg,
  min: avg,
  max: avg,
});

it("adds to the history what was heard since", () => {
  const series = new Series(STEP, 1_000_000);
  series.add(9_000, 100); // before the history was read: it is in there
  series.add(12_000, 4);
  series.load([point(0, 1), point(10_000, 2)], 11_000);
  series.add(20_500, 8);
  series.add(29_000, 10);
  expect(series.columns(0, 30_000)).toEqual({
    x: [0, 10, 20],
    avg: [1, 3, 9],
    min: [1, 2, 8],
    max: [1, 4, 10],
  });
});

it("shows the span that is asked for", () => {
  const series = new Series(STEP, 1_000_000);
  series.load([point(0, 1), point(10_000, 2), point(20_000, 3)], 25_000);
  expect(series.columns(12_000, 19_000).x).toEqual([10]);
});

it("keeps what is old in few numbers, and forgets what is out of sight", () => {
  const series = new Series(STEP, 100_000);
  series.add(1_000, 1);
  series.add(2_000, 3);
  series.add(90_000, 5);
  expect(series.columns(0, 1e9).avg).toEqual([2, null, 5]);
  series.add(210_000, 7);
  series.add(220_000, 7);
  expect(series.columns(0, 1e9).x).toEqual([90, 100, 210, 220]);
});

it("draws no line across what is not known", () => {
  const series = new Series(STEP, 1_000_000);
  const there = [0, 1, 2, 3, 4, 5, 20, 21].map(n => point(n * STEP, n));
  series.load(there, 0);
  const { x, avg } = series.columns(0, 1e9);
  expect(x).toEqual([0, 10, 20, 30, 40, 50, 60, 200, 210]);
  expect(avg).toEqual([0, 1, 2, 3, 4, 5, null, 20, 21]);
});

it("has no holes where a device reports seldom by habit", () => {
  const series = new Series(STEP, 1_000_000);
  series.load(
    [0, 6, 12, 18, 24, 30].map(n => point(n * STEP, n)),
    0,
  );
  expect(series.columns(0, 1e9).avg).toEqual([0, 6, 12, 18, 24, 30]);
});

it("has a hole between two points far apart, though little is known", () => {
  const series = new Series(STEP, 1_000_000);
  series.load([point(0, 1), point(100_000, 2)], 0);
  expect(series.columns(0, 1e9).avg).toEqual([1, null, 2]);
});

it("asks for steps that the hub gives: 2,000 points at most, ten seconds at least", () => {
  for (const { spanMs, stepMs } of Object.values(SPANS)) {
    expect(spanMs / stepMs).toBeLessThanOrEqual(500);
    expect(stepMs).toBeGreaterThanOrEqual(10_000);
  }
});

it("shows what was asked for, of what there is", () => {
  const names = ["a", "b", "c", "d", "e"];
  expect(chosen("c,x,a", names)).toEqual(["c", "a"]);
  expect(chosen("x", names)).toEqual(["a", "b", "c", "d"]);
  expect(chosen(undefined, [])).toEqual([]);
});
