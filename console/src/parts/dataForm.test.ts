import { expect, it } from "vitest";
import { dataOf, isTwice, rowsOf, unread } from "./dataForm";

it("begins with what there is, and without the values of a secret", () => {
  expect(rowsOf({ "site.conf": "a" })).toEqual([{ key: "site.conf", value: "a" }]);
  expect(rowsOf(unread(["user", "password"]))).toEqual([
    { key: "user", value: "" },
    { key: "password", value: "" },
  ]);
  expect(rowsOf({})).toEqual([{ key: "value", value: "" }]);
});

it("is not complete while a key or value is missing, or a key is there twice", () => {
  expect(dataOf([{ key: " ", value: "x" }])).toBeNull();
  expect(dataOf([{ key: "a", value: "" }])).toBeNull();
  expect(dataOf([{ key: "a", value: "" }], { mayBeEmpty: true })).toEqual({ a: "" });
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
