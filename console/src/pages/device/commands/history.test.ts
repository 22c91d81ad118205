import { expect, it } from "vitest";
import type { CommandRecord } from "../../../live/commands/records";
import { put } from "./history";

const record = (commandId: string, status: string, createdAt = "2026-01-01") =>
  ({ commandId, status, createdAt }) as CommandRecord;

it("keeps each command once, the newest first, and never goes back", () => {
  const known = put([record("a", "SUCCESS")], record("b", "SENT", "2026-01-02"));
  expect(known.map(({ commandId }) => commandId)).toEqual(["b", "a"]);
  expect(put(known, record("a", "SENT"))[1]?.status).toBe("SUCCESS");
  expect(put(known, record("b", "FAILED", "2026-01-02"))[0]?.status).toBe("FAILED");
});
