import { describe, expect, it } from "vitest";
import { hunksOf, lineDiff } from "./lineDiff";

const SIGNS = { same: " ", removed: "-", added: "+" };
const shown = (before: string, after: string) =>
  lineDiff(before, after).map(({ kind, text }) => SIGNS[kind] + text);
const text = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join("");

describe("the lines", () => {
  it.each([
    ["a\nb\n", "a\nb\n", [" a", " b"]],
    ["", "a\n", ["+a"]],
    ["a\n", "", ["-a"]],
    ["a\nb\nc\n", "a\nx\nc\n", [" a", "-b", "+x", " c"]],
    ["a\nb\nc\nd\n", "b\nx\nd\ne\n", ["-a", " b", "-c", "+x", " d", "+e"]],
    ["a\na\n", "a\na\na\n", [" a", " a", "+a"]],
    ["a", "a\n", [" a"]],
  ])("from %o to %o", (before, after, lines) => expect(shown(before, after)).toEqual(lines));

  it("have the numbers of their texts", () =>
    expect(lineDiff("a\nb\n", "b\nc\n").map(({ before, after }) => [before, after])).toEqual([
      [1, null],
      [2, 1],
      [null, 2],
    ]));

  it("are all replaced where there are too many to compare", () => {
    const lines = lineDiff(text(1, 2001), text(3001, 5001));
    expect(lines.map(({ kind }) => kind)).toEqual([
      ...Array(2001).fill("removed"),
      ...Array(2001).fill("added"),
    ]);
  });
});

describe("what is the same", () => {
  it("is left out far from a change", () => {
    const hunks = hunksOf(lineDiff(text(1, 20), text(1, 20).replace("10\n", "x\n")), 2);
    expect(hunks.map(hunk => ("hidden" in hunk ? hunk.hidden : hunk.lines.length))).toEqual([
      7, 6, 8,
    ]);
  });

  it("is left out whole where nothing has changed", () =>
    expect(hunksOf(lineDiff(text(1, 5), text(1, 5)))).toEqual([{ hidden: 5 }]));
});
