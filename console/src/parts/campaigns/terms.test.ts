import { describe, expect, it } from "vitest";
import { CAREFUL, termsOf } from "./terms";

describe("terms as they are typed", () => {
  it("are said to the hub in its units", () =>
    expect(termsOf(CAREFUL)).toEqual({
      waves: CAREFUL.waves,
      ratePerMinute: 60,
      soakSeconds: 60,
      phaseTimeoutSeconds: 3600,
      stopAt: { failedPercent: 20, minimum: 5 },
    }));

  it("have no rate where none is typed", () =>
    expect(termsOf({ ...CAREFUL, rate: "" })).not.toHaveProperty("ratePerMinute"));

  it.each([
    ["a number", { soak: "" }],
    ["waves that rise", { waves: [{ percent: 50 }, { percent: 50 }] }],
  ])("are not complete without %s", (_, missing) =>
    expect(termsOf({ ...CAREFUL, ...missing })).toBeNull(),
  );
});
