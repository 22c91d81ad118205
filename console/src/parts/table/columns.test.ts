import { describe, expect, it } from "vitest";
import { nextSort, rowAfter, shownOf } from "./columns";

describe("what is shown", () => {
  const reading = (part: object) => ({ isPending: false, isError: false, ...part });

  it.each([
    ["rows that are there", 3, {}, "rows", false],
    ["rows, though reading them again has failed", 3, { isError: true }, "rows", true],
    ["the wait", 0, { isPending: true }, "loading", false],
    ["nothing, when all was read", 0, {}, "empty", false],
    [
      "no claim that there is nothing, when nothing was read",
      0,
      { isError: true },
      "nothing",
      true,
    ],
  ])("is %s", (_, count, part, body, problem) => {
    expect(shownOf(count, reading(part))).toEqual({ body, problem });
  });

  it("needs no reading where rows are always there", () => {
    expect(shownOf(0, undefined)).toEqual({ body: "empty", problem: false });
  });
});

it.each([
  ["name", undefined, "name", "-name"],
  ["name", undefined, "-name", "name"],
  ["name", undefined, "status", "name"],
  ["name", "up", "status", "name"],
  ["seen", "down", "status", "-seen"],
] as const)("a click on %s (%s first) after %s sorts by %s", (key, sort, by, next) => {
  expect(nextSort({ key, ...(sort && { sort }) }, by)).toBe(next);
});

it.each([
  ["ArrowDown", -1, 0],
  ["ArrowDown", 9, 9],
  ["ArrowUp", 3, 2],
  ["ArrowUp", -1, 0],
  ["PageDown", 3, 8],
  ["PageUp", 3, 0],
  ["Home", 7, 0],
  ["End", 2, 9],
  ["Enter", 2, null],
])("%s leads from %i of ten to %s", (key, at, to) => expect(rowAfter(key, at, 10, 5)).toBe(to));

it("leads nowhere without rows", () => expect(rowAfter("Home", -1, 0, 5)).toBeNull());
