import { expect, it } from "vitest";
import {
  type Document,
  diff,
  equal,
  isDocument,
  type Json,
  nullAt,
  patchOf,
  read,
} from "./document";

/** RFC 7396, section 2. */
function merge(target: Json | undefined, patch: Json): Json {
  if (!isDocument(patch)) return patch;
  const merged: Document = isDocument(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}

const brief = (desired: Document, reported: Document) =>
  diff(desired, reported).map(row => `${row.path.join(".")} ${row.kind}`);

it("lays two configurations side by side", () => {
  const desired = { a: 1, b: { x: [1], y: "new" }, d: { z: 1 } };
  const reported = { a: 1, b: { x: [1], y: "old" }, c: { q: true } };
  expect(brief(desired, reported)).toEqual([
    "a same",
    "b same",
    "b.x same",
    "b.y changed",
    "c extra",
    "c.q extra",
    "d missing",
    "d.z missing",
  ]);
  expect(diff(desired, reported)[3]).toEqual({
    path: ["b", "y"],
    kind: "changed",
    desired: '"new"',
    reported: '"old"',
    parent: false,
  });
});

it("shows an object in place of a value as one change", () => {
  expect(brief({ a: { b: 1 } }, { a: 7 })).toEqual(["a changed"]);
  expect(brief({ a: 7 }, { a: { b: 1 } })).toEqual(["a changed"]);
});

it.each<[Document, Document, Document]>([
  [{ a: 1 }, { a: 1 }, {}],
  [{ a: 1, b: 2 }, { a: 1 }, { b: null }],
  [{ a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 3 } }],
  [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
  [{ a: 1 }, { a: {} }, { a: {} }],
  [{ a: [1, 2] }, { a: [1] }, { a: [1] }],
  [{}, { a: { b: { c: 1 } } }, { a: { b: { c: 1 } } }],
])("patches %j to %j by %j", (from, to, patch) => {
  expect(patchOf(from, to)).toEqual(patch);
  expect(merge(from, patch)).toEqual(to);
});

it("knows what a patch cannot say", () => {
  expect(nullAt({ a: { b: null } })).toBe("a.b");
  expect(nullAt({ a: [null] })).toBeNull();
});

it("compares by content", () => {
  expect(equal({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toBe(true);
  expect(equal({ a: 1 }, { b: 1 })).toBe(false);
  expect(equal([1], [1, 2])).toBe(false);
});

it("reads a document, and only that", () => {
  expect(read('{"a":1}')).toEqual({ document: { a: 1 } });
  expect(read("[1]")).toEqual({ problem: "" });
  expect(read("{")).toHaveProperty("problem");
});
