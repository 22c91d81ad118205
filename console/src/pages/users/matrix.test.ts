// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { Permission, Rule } from "../../api/rights";
import { matrixOf, resourcesOf, rulesOf, setNames, stateOf, toggle, verbsOf } from "./matrix";

const permission = (resource: string, ...verbs: string[]): Permission => ({
  resource,
  verbs,
  scoped: verbs,
  names: null,
});
const CATALOGUE = [
  permission("devices", "get", "list", "update"),
  permission("roles", "get", "list"),
  permission("commands/force_sync", "create"),
];
const rule = (resource: string, verbs: string[], names: string[] | null = null): Rule => ({
  resources: [resource],
  verbs,
  names,
});
const matrix = (...rules: Rule[]) => matrixOf(rules, CATALOGUE);

describe("the rows", () => {
  it("are the catalogue, what stands for several, and the commands that devices bring", () => {
    const rules = [rule("commands/custom.calibrate", ["create"])];
    expect(resourcesOf(CATALOGUE, rules)).toEqual([
      "*",
      "devices",
      "roles",
      "commands/*",
      "commands/force_sync",
      "commands/custom.calibrate",
    ]);
    expect([...verbsOf("commands/custom.calibrate", CATALOGUE)]).toEqual(["create"]);
  });

  it("go back to the rules that they came from", () => {
    const rules = [
      rule("devices", ["get", "list"]),
      rule("roles", ["get"], ["line-*"]),
      rule("roles", ["list"]),
    ];
    expect(rulesOf(matrix(...rules))).toEqual(rules);
  });

  it("take a star for the verbs that there are", () => {
    expect(rulesOf(matrix(rule("devices", ["*"])))).toEqual([
      rule("devices", ["get", "list", "update"]),
    ]);
  });

  it("of several rules for the same names are one", () => {
    expect(rulesOf(matrix(rule("devices", ["list"]), rule("devices", ["get"])))).toEqual([
      rule("devices", ["get", "list"]),
    ]);
  });
});

describe("a tick", () => {
  it("comes and goes, and a row without one is no rule", () => {
    const ticked = toggle(matrix(), "devices", "get");
    expect(rulesOf(ticked)).toEqual([rule("devices", ["get"])]);
    expect(rulesOf(toggle(ticked, "devices", "get"))).toEqual([]);
  });

  it("of a row that stands for several covers them", () => {
    const found = matrix(rule("*", ["get"]), rule("commands/*", ["create"]));
    expect(stateOf(found, "devices", "get")).toBe("covered");
    expect(stateOf(found, "devices", "list")).toBe("no");
    expect(stateOf(found, "commands/force_sync", "create")).toBe("covered");
    expect(stateOf(found, "commands/*", "create")).toBe("own");
    expect(stateOf(matrix(rule("commands/*", ["create"])), "devices", "create")).toBe("no");
  });
});

it("narrows a row to names, and widens it where there are none", () => {
  const named = setNames(matrix(rule("roles", ["get"])), "roles", " one, two,, ");
  expect(rulesOf(named)).toEqual([rule("roles", ["get"], ["one", "two"])]);
  expect(rulesOf(setNames(named, "roles", " "))).toEqual([rule("roles", ["get"])]);
});
