import { describe, expect, it } from "vitest";
import { grant, grantsOf } from "../testing/rights";
import { covers, holds, holdsOwnCommands, ROLES } from "./access";

const device = { id: "d1", groupIds: ["line-3"] };

it("lets each role do what those before it may", () => {
  expect(ROLES.map(role => covers(role, "OPERATOR"))).toEqual([false, true, true, true]);
});

it.each([
  ["devices:list", [true, true, true, true]],
  ["commands/force_sync:create", [false, true, true, true]],
  ["device-groups:update", [false, false, true, true]],
  ["users:list", [false, false, true, true]],
  ["settings:update", [false, false, false, true]],
  ["commands/exec_shell:create", [false, false, false, true]],
] as const)("says which role gives %s", (right, expected) => {
  expect(ROLES.map(role => holds(grantsOf(role), right))).toEqual(expected);
});

describe("a right", () => {
  it("for a group is for the devices in it, and for nothing else", () => {
    const grants = [grant(["devices:update"], { scope: { kind: "group", id: "line-3" } })];
    expect(holds(grants, "devices:update")).toBe(true);
    expect(holds(grants, "devices:update", { device })).toBe(true);
    expect(holds(grants, "devices:update", { device: { id: "d2", groupIds: [] } })).toBe(false);
    expect(holds(grants, "devices:update", { groupId: "line-3" })).toBe(true);
    expect(holds(grants, "devices:update", { groupId: "line-4" })).toBe(false);
    expect(holds(grants, "devices:delete", { device })).toBe(false);
  });

  it("for a device is for it alone", () => {
    const grants = [grant(["devices:get"], { scope: { kind: "device", id: "d1" } })];
    expect(holds(grants, "devices:get", { device })).toBe(true);
    expect(holds(grants, "devices:get", { device: { ...device, id: "d2" } })).toBe(false);
    expect(holds(grants, "devices:get", { groupId: "line-3" })).toBe(false);
  });

  it("for some names is for these", () => {
    const grants = [grant(["roles:update"], { names: ["guests"] })];
    expect(holds(grants, "roles:update")).toBe(true);
    expect(holds(grants, "roles:update", { name: "guests" })).toBe(true);
    expect(holds(grants, "roles:update", { name: "others" })).toBe(false);
  });

  it("adds up over grants", () => {
    const grants = [grant(["devices:list"]), grant(["users:list"])];
    expect([holds(grants, "users:list"), holds(grants, "teams:list")]).toEqual([true, false]);
    expect(holds([], "devices:list")).toBe(false);
  });
});

it("knows who may dispatch commands that devices bring", () => {
  expect(ROLES.map(role => holdsOwnCommands(grantsOf(role)))).toEqual([false, false, false, true]);
  expect(holdsOwnCommands([grant(["commands/custom.calibrate:create"])])).toBe(true);
});
