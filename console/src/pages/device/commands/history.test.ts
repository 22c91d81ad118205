import { expect, it } from "vitest";
import type { LiveEvent } from "../../../live/frames";
import { advance, errorOf, progressOf, put, type Record_ } from "./history";

const record = (commandId: string, status: string, createdAt = "2026-01-01") =>
  ({ commandId, status, createdAt, progress: null, error: null }) as Record_;
const heard = (type: string, fields: object) => ({ type, ...fields }) as unknown as LiveEvent;

it("keeps each command once, the newest first, and never goes back", () => {
  const known = put([record("a", "SUCCESS")], record("b", "SENT", "2026-01-02"));
  expect(known.map(({ commandId }) => commandId)).toEqual(["b", "a"]);
  expect(put(known, record("a", "SENT"))[1]?.status).toBe("SUCCESS");
  expect(put(known, record("b", "FAILED", "2026-01-02"))[0]?.status).toBe("FAILED");
});

it("takes progress from events, unless the command has ended", () => {
  const known = [record("a", "ACKED"), record("b", "SUCCESS")];
  const one = advance(known, heard("command_progress", { commandId: "a", percent: 40, stage: "x" }));
  expect(one[0]?.status).toBe("RUNNING");
  expect(one[0] && progressOf(one[0])).toEqual({ percent: 40, stage: "x" });
  const other = advance(known, heard("command_progress", { commandId: "b", percent: 1 }));
  expect(other[1]).toBe(known[1]);
  expect(advance(known, heard("command_result", { commandId: "a" }))).toBe(known);
});

it("reads what is loosely typed", () => {
  expect(progressOf(record("a", "SENT"))).toEqual({ percent: null, stage: "" });
  expect(errorOf(record("a", "SENT"))).toBeNull();
  const failed = { ...record("a", "FAILED"), error: { code: "x" } } as unknown as Record_;
  expect(errorOf(failed)).toEqual({ code: "x", message: "" });
});
