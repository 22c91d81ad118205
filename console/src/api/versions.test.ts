import { expect, it } from "vitest";
import { fitOf, installs, numbersOf, versionOf } from "./versions";

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

it("knows what a device has of a type, and whether it installs it", () => {
  const silent = { version: "1.0", versions: {}, installers: null };
  const able = { version: "1.0", versions: { jar: "2.0" }, installers: ["jar", "plc"] };
  expect([versionOf(silent, "agent"), versionOf(silent, "jar")]).toEqual(["1.0", "1.0"]);
  expect([versionOf(able, "agent"), versionOf(able, "jar")]).toEqual(["1.0", "2.0"]);
  expect(versionOf(able, "plc")).toBeNull();
  expect([installs(silent, "jar"), installs(able, "jar")]).toEqual([true, true]);
  expect(installs(able, "agent")).toBe(false);
});
