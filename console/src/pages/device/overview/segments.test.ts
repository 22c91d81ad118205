import { expect, it } from "vitest";
import { availability, type Change, segments, ticks } from "./segments";

const said = (at: number, status: string): Change => ({
  at,
  status,
  connected: null,
  generation: null,
});
const line = (at: number, connected: boolean, generation: number): Change => ({
  at,
  status: connected ? "ONLINE" : "OFFLINE",
  connected,
  generation,
});

it("knows nothing where nothing was said", () => {
  expect(segments([], 0, 100)).toEqual([{ from: 0, to: 100, state: null }]);
  expect(segments([said(40, "ONLINE")], 0, 100)).toEqual([
    { from: 0, to: 40, state: null },
    { from: 40, to: 100, state: "ONLINE" },
  ]);
});

it("begins with what stood before", () => {
  const changes = [said(-50, "DEGRADED"), line(30, false, 1)];
  expect(segments(changes, 0, 100)).toEqual([
    { from: 0, to: 30, state: "DEGRADED" },
    { from: 30, to: 100, state: "OFFLINE" },
  ]);
});

it("joins what is the same", () => {
  const changes = [line(10, true, 1), said(20, "ONLINE"), said(30, "ERROR"), said(40, "ERROR")];
  expect(segments(changes, 10, 50).map(({ state }) => state)).toEqual(["ONLINE", "ERROR"]);
});

it("does not believe a line that was superseded", () => {
  const changes = [line(10, true, 1), line(20, true, 2), line(25, false, 1)];
  expect(segments(changes, 10, 50)).toEqual([{ from: 10, to: 50, state: "ONLINE" }]);
});

it("ends at the end, whatever comes after", () => {
  expect(segments([said(10, "ONLINE"), said(200, "ERROR")], 0, 100)).toEqual([
    { from: 0, to: 10, state: null },
    { from: 10, to: 100, state: "ONLINE" },
  ]);
});

it("says how much of the known time a device was there", () => {
  expect(availability(segments([], 0, 10))).toBeNull();
  const pieces = segments([said(20, "DEGRADED"), line(80, false, 1)], 0, 100);
  expect(availability(pieces)).toBe(0.75);
});

it("has round moments on its axis, in the zone of the reader", () => {
  const hour = 3_600_000;
  expect(ticks(0, 6 * hour, 6, 0)).toEqual([1, 2, 3, 4, 5].map(n => n * hour));
  expect(ticks(1, 24 * hour, 4, hour)).toEqual([5, 11, 17, 23].map(n => n * hour));
  expect(ticks(0, 400 * 24 * hour, 4, 0).length).toBeGreaterThan(4);
});
