import { expect, it } from "vitest";
import { covers, may, ROLES } from "./access";

it("lets each role do what those before it may", () => {
  expect(ROLES.map(role => covers(role, "OPERATOR"))).toEqual([false, true, true, true]);
});

it.each([
  ["read", [true, true, true, true]],
  ["dispatch", [false, true, true, true]],
  ["manage", [false, false, true, true]],
  ["listUsers", [false, false, true, true]],
  ["administer", [false, false, false, true]],
] as const)("says who may %s", (action, expected) => {
  expect(ROLES.map(role => may(role, action))).toEqual(expected);
});
