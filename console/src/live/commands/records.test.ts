import { expect, it } from "vitest";
import type { LiveEvent } from "../frames";
import { type CommandRecord, tookMs, touched } from "./records";

const record = (part: Partial<CommandRecord> = {}) =>
  ({
    commandId: "c1",
    deviceId: "a",
    status: "SENT",
    progress: null,
    createdAt: "2026-01-01T00:00:00.000Z",
    finishedAt: null,
    ...part,
  }) as CommandRecord;

const event = (part: Partial<LiveEvent>): LiveEvent => ({
  type: "command_progress",
  deviceId: "a",
  commandId: "c1",
  ts: "",
  epoch: "e",
  offset: 1,
  ...part,
});

it("shows progress as it comes", () => {
  const { records, ended } = touched([record()], event({ percent: 30, stage: "unpack" }));
  expect(records[0]).toMatchObject({
    status: "RUNNING",
    progress: { percent: 30, stage: "unpack" },
  });
  expect(ended).toBeNull();
});

it("says when one has ended", () => {
  const result = event({ type: "command_result", status: "UNKNOWN" });
  expect(touched([record()], result).ended?.status).toBe("UNKNOWN");
});

it("goes only forward", () => {
  const accepted = event({ type: "command_accepted", status: "SENT" });
  expect(touched([record({ status: "RUNNING" })], accepted).records[0]?.status).toBe("RUNNING");
});

it.each([event({ commandId: "c9" }), event({ deviceId: "b" })])("leaves others alone", other => {
  const records = [record()];
  expect(touched(records, other).records).toBe(records);
});

it("takes no end back", () => {
  const records = [record({ status: "SUCCESS" })];
  expect(touched(records, event({ percent: 1 })).records).toBe(records);
});

it("knows how long it took, once it has ended", () => {
  expect(tookMs(record())).toBeNull();
  expect(tookMs(record({ finishedAt: "2026-01-01T00:00:01.500Z" }))).toBe(1500);
});
