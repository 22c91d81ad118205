import { expect, it } from "vitest";
import { covered, describe, happening, merged } from "./describe";

it.each([
  [{ type: "scan", code: "010", valid: false, data: { line: 1 } }, ["010", '{"line":1}', "bad"]],
  [{ type: "scan", code: "010", valid: true }, ["010", "", "ok"]],
  [{ type: "print", jobId: "j1", ok: true }, ["j1", "", "ok"]],
  [{ type: "print", jobId: "j1", ok: false }, ["j1", "", "bad"]],
  [
    { type: "alert", severity: "CRITICAL", code: "hot", message: "too hot" },
    ["hot", "too hot", "bad"],
  ],
  [{ type: "alert", severity: "WARN", code: "w", message: "" }, ["w", "", "warn"]],
  [{ type: "alert", severity: "INFO", code: "i", message: "" }, ["i", "", "none"]],
  [{ type: "event", name: "shift", data: {} }, ["shift", "{}", "none"]],
  [{ type: "event" }, ["", "", "none"]],
])("describes %j", (event, [subject, detail, tone]) => {
  expect(describe(happening(event))).toEqual({ subject, detail, tone });
});

it("knows an event again, from whichever side it comes", () => {
  const live = happening({
    type: "scan",
    ts: "t2",
    code: "1",
    deviceId: "d",
    epoch: "e",
    offset: 7,
  });
  const kept = happening({ code: "1", ts: "t2", type: "scan", deviceId: "d" });
  const older = happening({ type: "scan", ts: "t1", code: "1", deviceId: "d" });
  expect(merged([live], [older, kept], 9).map(({ ts }) => ts)).toEqual(["t2", "t1"]);
  expect(merged([live], [older], 1)).toEqual([live]);
});

it("does not show what is older than where another type was read to", () => {
  const events = ["t3", "t2", "t1"].map(ts => happening({ type: "scan", ts }));
  expect(covered(events, ["t1", "t2"]).map(({ ts }) => ts)).toEqual(["t3", "t2"]);
  expect(covered(events, [])).toBe(events);
});
