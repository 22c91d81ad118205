import { expect, it } from "vitest";
import { fitOf, numbersOf } from "./versions";

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
