// @vitest-environment node
import { expect, it } from "vitest";
import { pasted } from "./ids";

const known = new Set(["a", "b", "c"]);
const sort = (text: string) =>
  pasted(
    text,
    id => known.has(id),
    id => id === "c",
  );

it("takes ids however they are separated, each once", () => {
  expect(sort('a, b\n"a"\tb;;').found).toEqual(["a", "b"]);
});

it("says who is in the group already, and who is unknown", () => {
  expect(sort("a c zz")).toEqual({ found: ["a"], members: ["c"], unknown: ["zz"] });
});

it("finds nothing in nothing", () => {
  expect(sort(" \n")).toEqual({ found: [], members: [], unknown: [] });
});
