import { expect, it } from "vitest";
import type { Device } from "../../live/standing";
import { EMPTY, reachedBy, targetOf } from "./aims";

it.each([
  [EMPTY.all, {}],
  [EMPTY.group, null],
  [{ by: "group", groupId: "g1" } as const, { groupId: "g1" }],
  [{ by: "query", query: "  " } as const, null],
  [{ by: "query", query: " tag = a " } as const, { query: "tag = a" }],
  [EMPTY.devices, null],
  [{ by: "devices", deviceIds: ["b", "a"] } as const, { deviceIds: ["b", "a"] }],
])("says %o to the hub as %o", (aim, target) => expect(targetOf(aim)).toEqual(target));

it("knows whom a choice and a group reach, and asks for the others", () => {
  const fleet = [
    { id: "a", groupIds: ["g1"] },
    { id: "b", groupIds: [] },
  ] as unknown as Device[];
  expect(reachedBy({ by: "devices", deviceIds: ["b"] }, fleet)).toEqual(["b"]);
  expect(reachedBy({ by: "group", groupId: "g1" }, fleet)).toEqual(["a"]);
  expect(reachedBy(EMPTY.group, fleet)).toEqual([]);
  expect(reachedBy(EMPTY.all, fleet)).toBeNull();
  expect(reachedBy({ by: "query", query: "x" }, fleet)).toBeNull();
});
