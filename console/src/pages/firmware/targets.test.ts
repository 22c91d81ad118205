import { describe, expect, it } from "vitest";
import type { Device } from "../../live/standing";
import { type Aim, aimedAt, previewOf, targetOf } from "./targets";

describe("targets", () => {
  const device = (id: string, more: Partial<Device> = {}) =>
    ({
      id,
      tags: [],
      groupIds: [],
      status: "ONLINE",
      connected: true,
      version: "1.0",
      versions: {},
      installers: null,
      ...more,
    }) as unknown as Device;
  const fleet = [
    device("a", { tags: ["x"], groupIds: ["g"] }),
    device("b", { status: "OFFLINE", connected: false, version: "2.0" }),
    device("c", { version: "3.0" }),
  ];
  const all: Aim = { by: "filter", tag: null, status: null, version: null };
  const ids = (aim: Aim) => aimedAt(aim, fleet).map(({ id }) => id);

  it("finds them by name, group or filter", () => {
    expect(ids({ by: "devices", deviceIds: ["c", "nobody", "a"] })).toEqual(["c", "a"]);
    expect(ids({ by: "group", groupId: "g" })).toEqual(["a"]);
    expect(ids({ by: "group", groupId: null })).toEqual([]);
    expect(ids(all)).toEqual(["a", "b", "c"]);
    expect(ids({ ...all, tag: "x" })).toEqual(["a"]);
    expect(ids({ ...all, status: "OFFLINE", version: "2.0" })).toEqual(["b"]);
  });

  it("says what will become of them", () => {
    const rest = { total: 3, there: 1, newer: 1, unfit: 0, away: 1 };
    expect(previewOf(fleet, "agent", "2.0")).toEqual(rest);
  });

  it("knows who installs what", () => {
    const plant = [
      device("a", { installers: ["jar"], versions: { jar: "2.0" } }),
      device("b", { installers: ["jar"], versions: {} }),
      device("c", { installers: ["agent"], connected: false }),
      device("d", { version: "2.0" }),
    ];
    const rest = { total: 4, there: 2, newer: 0, unfit: 1, away: 0 };
    expect(previewOf(plant, "jar", "2.0")).toEqual(rest);
  });

  it("says it to the hub", () => {
    expect(targetOf({ by: "devices", deviceIds: [] })).toBeNull();
    expect(targetOf({ by: "devices", deviceIds: ["a"] })).toEqual({ deviceIds: ["a"] });
    expect(targetOf({ by: "group", groupId: null })).toBeNull();
    expect(targetOf({ by: "group", groupId: "g" })).toEqual({ groupId: "g" });
    expect(targetOf({ ...all, by: "filter", tag: "x" } as Aim)).toEqual({ filter: { tag: "x" } });
  });
});
