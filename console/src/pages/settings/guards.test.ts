import { expect, it } from "vitest";
import type { OrgSettings } from "./data";
import { capOf, guardsOf, isSame } from "./guards";

const settings = {
  approvals: { resources: ["commands/reboot_os"], over: 2 },
  blastRadius: { perCall: 5, perHour: null },
} as unknown as OrgSettings;

it("shows what is set, and nothing where there is no cap", () => {
  expect(guardsOf(settings)).toEqual({
    resources: ["commands/reboot_os"],
    over: 2,
    perCall: 5,
    perHour: "",
  });
});

it("takes an empty cap for none, and zero for zero", () => {
  expect(["", "7", 0].map(capOf)).toEqual([null, 7, 0]);
});

it("knows when something has changed", () => {
  const now = guardsOf(settings);
  expect(isSame(now, { ...now, over: "2" })).toBe(true);
  expect(isSame(now, { ...now, perHour: 0 })).toBe(false);
  expect(isSame(now, { ...now, perCall: "" })).toBe(false);
  expect(isSame(now, { ...now, resources: [] })).toBe(false);
  expect(isSame(now, { ...now, over: 3 })).toBe(false);
});
