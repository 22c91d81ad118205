import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import type { EventType, LiveEvent } from "../frames";
import { begin, follow, refresh, tally } from "./run";

const run = begin({
  a: { commandId: "c1", status: "SENT" },
  b: { commandId: "c2", status: "PENDING" },
  c: { commandId: null, status: "FAILED", error: { code: "not_found", message: "no such device" } },
});

const event = (type: EventType, deviceId: string, commandId: string, more: object): LiveEvent => ({
  type,
  deviceId,
  commandId,
  ts: "",
  epoch: "e",
  offset: 1,
  ...more,
});
const progress = (more: object) => event("command_progress", "a", "c1", more);
const result = (status: string, more: object = {}) =>
  event("command_result", "a", "c1", { status, ...more });
const record = (part: object) =>
  ({ deviceId: "a", commandId: "c1", ...part }) as Schemas["CommandRecord"];

it("begins with what the hub answered, refusals too", () => {
  expect([...run.values()].map(({ status }) => status)).toEqual(["SENT", "PENDING", "FAILED"]);
  expect(run.get("c")?.error).toEqual({ code: "not_found", message: "no such device" });
});

describe("live events", () => {
  it("bring progress, and keep what a later one leaves out", () => {
    const next = follow(run, [
      progress({ percent: 40, stage: "download" }),
      progress({ percent: null }),
    ]);
    expect(next.get("a")).toMatchObject({ status: "RUNNING", percent: 40, stage: "download" });
    expect(next.get("b")).toBe(run.get("b"));
  });

  it("bring the end with output or error", () => {
    const good = follow(run, [result("SUCCESS", { output: "ok", error: null })]);
    expect(good.get("a")).toMatchObject({ status: "SUCCESS", output: "ok", error: null });
    const bad = follow(run, [result("FAILED", { error: { code: "jam", message: "paper" } })]);
    expect(bad.get("a")?.error).toEqual({ code: "jam", message: "paper" });
  });

  it("never take an end back", () => {
    const ended = follow(run, [result("UNKNOWN")]);
    expect(follow(ended, [progress({ percent: 1 }), result("SUCCESS")])).toBe(ended);
  });

  it("only go forward", () => {
    const running = follow(run, [progress({ percent: 1 })]);
    const accepted = event("command_accepted", "a", "c1", { status: "SENT" });
    expect(follow(running, [accepted])).toBe(running);
    const sent = event("command_accepted", "b", "c2", { status: "SENT" });
    expect(follow(run, [sent]).get("b")?.status).toBe("SENT");
  });

  it("about other commands or devices change nothing", () => {
    const others = [
      event("command_result", "a", "c9", { status: "SUCCESS" }),
      event("command_result", "z", "c1", { status: "SUCCESS" }),
      event("command_result", "c", "c3", { status: "SUCCESS" }),
    ];
    expect(follow(run, others)).toBe(run);
  });
});

describe("records that are read again", () => {
  it("fill what was missed", () => {
    const read = [record({ status: "RUNNING", progress: { percent: 70, stage: "write" } })];
    expect(refresh(run, read).get("a")).toMatchObject({
      status: "RUNNING",
      percent: 70,
      stage: "write",
    });
  });

  it("do not undo what is known", () => {
    const ended = follow(run, [result("SUCCESS", { output: "ok" })]);
    expect(refresh(ended, [record({ status: "RUNNING", progress: null })]).get("a")?.status).toBe(
      "SUCCESS",
    );
  });

  it("of other commands are left alone", () => {
    const other = record({ commandId: "c9", status: "SUCCESS", progress: null });
    expect(refresh(run, [other]).get("a")?.status).toBe("SENT");
  });
});

it("counts how it ended", () => {
  expect(tally(follow(run, [result("SUCCESS")]))).toEqual({
    total: 3,
    ended: 2,
    succeeded: 1,
    failed: 1,
  });
});

it("takes the command of what waited for an approval", () => {
  const waits = begin({
    a: { commandId: null, status: "AWAITING" },
    c: { commandId: null, status: "REJECTED" },
  });
  const approved = refresh(waits, [
    record({ status: "SENT", progress: null }),
    record({ deviceId: "c", status: "SENT", progress: null }),
  ]);
  expect(approved.get("a")).toMatchObject({ commandId: "c1", status: "SENT" });
  expect(approved.get("c")).toMatchObject({ commandId: null, status: "REJECTED" });
  expect(follow(approved, [result("SUCCESS")]).get("a")?.status).toBe("SUCCESS");
});
