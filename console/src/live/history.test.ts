import { expect, it } from "vitest";
import { GRAIN_MS, joined, pathOf, WINDOW_MS } from "./history";

const points = (...ats: number[]) => ats.map(at => ({ at, value: at }));
const ats = (history: readonly { at: number }[]) => history.map(({ at }) => at);

it("puts live points behind what was read, and leaves out what is out of order", () => {
  expect(ats(joined(points(0, 60_000), points(120_000)))).toEqual([0, 60_000, 120_000]);
  expect(ats(joined(points(0, 60_000), points(30_000)))).toEqual([0, 60_000]);
  expect(joined([], [])).toEqual([]);
});

it("forgets what is older than the window", () => {
  expect(ats(joined(points(0, WINDOW_MS), points(WINDOW_MS + 1)))).toEqual([
    WINDOW_MS,
    WINDOW_MS + 1,
  ]);
});

it("does not grow by points that are too close to be seen", () => {
  let history = joined([], points(0));
  for (let at = 1; at <= 100; at += 1) history = joined(history, points(at * (GRAIN_MS / 10)));
  expect(history.length).toBeLessThan(14);
  expect(history.at(-1)?.at).toBe(10 * GRAIN_MS);
});

it("draws into its box, the highest on top; what does not change is a line in the middle", () => {
  expect(
    pathOf(
      [
        { at: 0, value: 1 },
        { at: 10, value: 3 },
      ],
      100,
      20,
    ),
  ).toBe("M0.0 20.0L100.0 0.0");
  expect(
    pathOf(
      [
        { at: 0, value: 5 },
        { at: 10, value: 5 },
      ],
      100,
      20,
    ),
  ).toBe("M0.0 10.0L100.0 10.0");
  expect(pathOf([{ at: 0, value: 5 }], 100, 20)).toBe("M100.0 10.0");
  expect(pathOf([], 100, 20)).toBe("");
});
