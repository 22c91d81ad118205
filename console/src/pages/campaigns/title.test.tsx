import { describe, expect, it } from "vitest";
import type { Run } from "../../api/runs";
import { loadOf, nameOf } from "./title";

const run = (part: Partial<Run>) =>
  ({
    name: null,
    command: null,
    releaseId: null,
    version: null,
    application: null,
    ...part,
  }) as Run;

describe("what a campaign brings", () => {
  it.each([
    ["a command", run({ command: { type: "force_sync" } }), "Force sync"],
    ["a release", run({ releaseId: "r1", version: "2.0" }), "2.0"],
    ["a release that is gone", run({ releaseId: "r1" }), "r1"],
  ])("is said of %s", (_, one, said) => expect(loadOf(one)).toBe(said));

  it("stands behind its name", () =>
    expect(nameOf(run({ name: "night", command: { type: "force_sync" } }))).toBe("night"));
});
