import { describe, expect, it } from "vitest";
import type { LiveEvent } from "./frames";
import { EVERYTHING, Lookups, SINGLY, staleAfter } from "./records";

const changed = (kind: string, id: string, deviceId: string | null = null) =>
  ({
    type: "record_changed",
    kind,
    id,
    deviceId,
    ts: "2026-01-01T00:00:00Z",
    epoch: "e",
    offset: 1,
  }) as unknown as LiveEvent;

describe("a record that has changed", () => {
  it.each([
    ["group", null, [["groups"]]],
    ["user", null, [["users"]]],
    ["api_key", null, [["api-keys"]]],
    ["role", null, [["roles"]]],
    ["role_binding", null, [["bindings"]]],
    ["team", null, [["teams"]]],
    ["invitation", null, [["invitations"]]],
    ["service_account", null, [["service-accounts"]]],
    ["settings", null, [["settings"]]],
    ["release", null, [["releases"]]],
    ["firmware_key", null, [["signing-keys"]]],
    ["config_schema", null, [["config-schema"]]],
    ["application", null, [["applications"]]],
    [
      "rollout",
      null,
      [
        ["rollouts"],
        ["rollout"],
        ["rollout-devices"],
        ["campaigns"],
        ["campaign"],
        ["campaign-devices"],
      ],
    ],
    ["config_map", null, [["config-maps"]]],
    ["registry", null, [["registries"]]],
    [
      "device",
      "d1",
      [
        ["device", "d1"],
        ["device-workloads", "d1"],
      ],
    ],
    [
      "configuration",
      "d1",
      [
        ["config", "d1"],
        ["config-history", "d1"],
      ],
    ],
    ["something new", null, []],
  ])("of kind %s makes stale what shows it", (kind, deviceId, keys) => {
    expect(staleAfter(changed(kind, "x", deviceId))).toEqual(keys);
  });

  it("is among everything, when nobody knows which", () => {
    const all = EVERYTHING.map(([name]) => name);
    for (const [name] of staleAfter(changed("deployment", "x"))) expect(all).toContain(name);
    expect(all).toEqual(expect.arrayContaining(["groups", "users", "config", "releases"]));
  });
});

describe("devices to be read", () => {
  const many = Array.from({ length: SINGLY + 1 }, (_, index) => `d${index}`);

  it("are read each once when they are few", () => {
    const lookups = new Lookups();
    lookups.add("a", "b", "a");
    expect(lookups.take(false)).toEqual({ list: false, ids: ["a", "b"] });
    expect(lookups.take(false)).toBeNull();
  });

  it("are read as a list when they are many", () => {
    const lookups = new Lookups();
    lookups.add(...many);
    expect(lookups.take(false)).toEqual({ list: true, ids: [] });
    expect(lookups.take(false)).toBeNull();
  });

  it("wait for the end of a list under way, and are not forgotten", () => {
    const lookups = new Lookups();
    lookups.add("a");
    expect(lookups.take(true)).toBe("later");
    expect(lookups.take(false)).toEqual({ list: false, ids: ["a"] });
  });

  it("are forgotten with the sign-out", () => {
    const lookups = new Lookups();
    lookups.add("a");
    lookups.clear();
    expect(lookups.take(false)).toBeNull();
  });
});
