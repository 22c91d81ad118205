// @vitest-environment node
import { expect, it } from "vitest";
import type { AuditRow } from "./data";
import { inOneLine, nameOf } from "./names";

const NAMES = new Map([["6f1c", "Line 1"]]);

const row = (part: Partial<AuditRow>) =>
  ({ reason: null, changes: {}, detail: {}, ...part }) as AuditRow;

it("names what has a name", () => {
  expect(nameOf("6f1c", NAMES)).toBe("Line 1");
  expect(nameOf("d1", NAMES)).toBe("d1");
});

it.each([
  [{}, "–"],
  [{ detail: { groupId: "6f1c", batchId: "b1" } }, 'groupId=Line 1 batchId="b1"'],
  [{ changes: { name: ["a", "b"], tags: [[], ["x"]] } }, 'name: "a" → "b" tags: [] → ["x"]'],
  [{ changes: { group: [null, "6f1c"] } }, "group: null → Line 1"],
  [{ changes: { odd: [true] }, reason: "forbidden" }, "forbidden odd: [true]"],
])("says %o in one line", (part, line) => {
  expect(inOneLine(row(part), NAMES)).toBe(line);
});
