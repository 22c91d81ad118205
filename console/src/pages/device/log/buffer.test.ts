import { describe, expect, it } from "vitest";
import {
  type Entry,
  isWanted,
  type Kept,
  LogBuffer,
  oldestOf,
  parts,
  plain,
  type Said,
  saidOf,
  textOf,
} from "./buffer";

const said = (line: string, more: Partial<Said> = {}): Said => ({
  ts: "2026-01-01T00:00:00.000Z",
  level: "INFO",
  line,
  source: null,
  commandId: null,
  ...more,
});
const at = (second: number) => Date.UTC(2026, 0, 1, 0, 0, second);
const kept = (line: string, second: number, more: Partial<Said> = {}): Kept => ({
  ...said(line, more),
  receivedAt: new Date(at(second)).toISOString(),
});
const shown = (entries: readonly Entry[]) =>
  entries.map(entry => (entry.kind === "gap" ? (entry.filled ? "(gap)" : "[gap]") : entry.line));
const NEWEST = { newest: true, last: false };
const LAST = { newest: true, last: true };

describe("joining the history", () => {
  it("puts it before what came live meanwhile, and nothing twice", () => {
    const log = new LogBuffer();
    log.append([said("c"), said("d")], at(3));
    expect(log.join([kept("c", 3), kept("b", 2), kept("a", 1)], LAST)).toBe(2);
    expect(shown(log.all())).toEqual(["a", "b", "c", "d"]);
    expect(log.isWhole()).toBe(true);
    expect(log.join([kept("d", 3), kept("c", 3), kept("b", 2)], NEWEST)).toBe(0);
    expect(shown(log.all())).toEqual(["a", "b", "c", "d"]);
  });

  it("keeps what was said twice twice", () => {
    const log = new LogBuffer();
    log.append([said("x")], at(2));
    log.join([kept("x", 2), kept("x", 1)], LAST);
    expect(shown(log.all())).toEqual(["x", "x"]);
  });

  it("tells lines apart by each thing they say", () => {
    const log = new LogBuffer();
    log.append([said("x", { source: "a" }), said("x", { level: "WARN" })], at(1));
    log.join([kept("x", 1, { commandId: "c" }), kept("x", 1, { source: "a" })], LAST);
    expect(log.all()).toHaveLength(3);
  });

  it("fills a gap between the lines around it", () => {
    const log = new LogBuffer();
    log.append([said("a"), said("b")], at(1));
    log.gap(at(2));
    log.append([said("e")], at(9));
    expect(log.hasOpenGap()).toBe(true);
    const page = [kept("e", 8), kept("d", 5), kept("c", 4), kept("b", 1), kept("a", 1)];
    expect(log.join(page, NEWEST)).toBe(2);
    expect(shown(log.all())).toEqual(["a", "b", "(gap)", "c", "d", "e"]);
    expect(log.hasOpenGap()).toBe(false);
  });

  it("leaves a gap open when the history was not read back to it", () => {
    const log = new LogBuffer();
    log.append([said("a")], at(1));
    log.gap(at(2));
    log.append([said("e")], at(9));
    log.join([kept("e", 9), kept("d", 8)], NEWEST);
    expect(shown(log.all())).toEqual(["a", "[gap]", "d", "e"]);
    log.join([kept("c", 7), kept("a", 1)], NEWEST);
    expect(shown(log.all())).toEqual(["a", "(gap)", "c", "d", "e"]);
  });

  it("fills a gap at the end, though the clocks differ", () => {
    const log = new LogBuffer();
    log.append([said("a")], at(1));
    log.gap(at(1));
    log.join([kept("c", 3), kept("b", 2), kept("a", 1)], NEWEST);
    expect(shown(log.all())).toEqual(["a", "(gap)", "b", "c"]);
  });

  it("does not mind that what is durable comes live a little later", () => {
    const log = new LogBuffer();
    log.append([said("second"), said("first")], at(1));
    log.join([kept("second", 1), kept("first", 1)], LAST);
    expect(shown(log.all())).toEqual(["second", "first"]);
  });

  it("loads what is older before the first", () => {
    const log = new LogBuffer();
    expect(log.olderThan()).toBeNull();
    log.append([said("z")], at(10));
    expect(log.olderThan()).toBe(new Date(at(12)).toISOString());
    log.join([kept("z", 9), kept("y", 8)], NEWEST);
    expect(log.olderThan()).toBe(new Date(at(8) + 1).toISOString());
    log.join([kept("y", 8), kept("x", 7)], { newest: false, last: true });
    expect(shown(log.all())).toEqual(["x", "y", "z"]);
  });
});

it("drops the oldest beyond its bound, and then is not whole", () => {
  const log = new LogBuffer();
  log.join([kept("a", 1)], LAST);
  log.append([said("b"), said("c")], at(2), 2);
  expect(shown(log.all())).toEqual(["b", "c"]);
  expect(log.isWhole()).toBe(false);
});

it("has no gap before the first line, and no two in a row", () => {
  const log = new LogBuffer();
  log.gap(at(0));
  log.append([said("a")], at(1));
  log.gap(at(2));
  log.gap(at(3));
  expect(shown(log.all())).toEqual(["a", "[gap]"]);
});

it("reads a live event as the history says it", () => {
  expect(saidOf({ ts: "t", line: "l", level: "WARN" })).toEqual({
    ts: "t",
    line: "l",
    level: "WARN",
    source: null,
    commandId: null,
  });
});

it("wants a level and what is above it, one source, and a part of the line in any case", () => {
  const all = { level: null, source: null, q: "" };
  expect(isWanted(said("x"), all)).toBe(true);
  expect(isWanted(said("x", { level: "WARN" }), { ...all, level: "WARN" })).toBe(true);
  expect(isWanted(said("x", { level: "INFO" }), { ...all, level: "WARN" })).toBe(false);
  expect(isWanted(said("x", { source: "a" }), { ...all, source: "b" })).toBe(false);
  expect(isWanted(said("Paper jam"), { ...all, q: "JAM" })).toBe(true);
  expect(isWanted(said("fine"), { ...all, q: "JAM" })).toBe(false);
});

it("says how far back its lines go", () => {
  const log = new LogBuffer();
  expect(oldestOf(log.all())).toBeNull();
  log.append([said("a")], at(1));
  log.append([said("b")], at(2));
  expect(oldestOf(log.all())).toBe(at(1));
});

it("marks what was found", () => {
  expect(parts("jam in the Jam", "jam")).toEqual(["", "jam", " in the ", "Jam", ""]);
  expect(parts("jam", "")).toEqual(["jam"]);
  expect(parts("İx", "x")).toEqual(["İx"]);
});

it("shows no escape sequences of terminals", () => {
  expect(plain("\u001b[31mred\u001b[0m")).toBe("red");
});

it("is a text file", () => {
  const log = new LogBuffer();
  log.append([said("a", { source: "app" })], at(1));
  log.gap(at(2));
  expect(textOf(log.all(), "gap")).toBe("2026-01-01T00:00:00.000Z INFO  [app] a\n--- gap ---\n");
});
