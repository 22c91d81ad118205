// @vitest-environment node
import { expect, it } from "vitest";
import { device } from "../../testing/device";
import { among, hiddenOf, matching } from "./matching";

const LINE = ["a", "b", "c"].map(id => device({ id, name: `Line ${id}` }));

it("says how many of the chosen devices a search hides", () => {
  const chosen = new Set(["a", "b"]);
  expect(hiddenOf(chosen, LINE)).toBe(0);
  expect(hiddenOf(chosen, matching(LINE, "line b"))).toBe(1);
  expect(hiddenOf(chosen, matching(LINE, "nothing"))).toBe(2);
});

it("leaves out of what is chosen whoever is gone", () => {
  expect([...among(new Set(["a", "gone"]), LINE)]).toEqual(["a"]);
});
