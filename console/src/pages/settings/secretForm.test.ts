import { expect, it } from "vitest";
import { dataOf, isTwice, rowsOf } from "./secretForm";

it("begins with the keys that there are, and without their values", () => {
  expect(rowsOf(["user", "password"])).toEqual([
    { key: "user", value: "" },
    { key: "password", value: "" },
  ]);
  expect(rowsOf([])).toEqual([{ key: "value", value: "" }]);
});

it("is no secret while a key or value is missing, or a key is there twice", () => {
  expect(dataOf([{ key: " ", value: "x" }])).toBeNull();
  expect(dataOf([{ key: "a", value: "" }])).toBeNull();
  const twice = [
    { key: "a", value: "x" },
    { key: "a ", value: "y" },
  ];
  expect(isTwice(twice)).toBe(true);
  expect(dataOf(twice)).toBeNull();
});

it("takes values as they were typed, blanks too", () => {
  expect(dataOf([{ key: " a ", value: " x\n" }])).toEqual({ a: " x\n" });
});
