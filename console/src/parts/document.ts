/** Two configurations side by side, and the merge patch (RFC 7396) from one to another. Pure. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Document = { [name: string]: Json };

export type DiffRow = {
  /** Names from the root. */
  path: readonly string[];
  kind: "same" | "changed" | "missing" | "extra";
  /** As JSON; null where it is not there, and for an object whose members follow. */
  desired: string | null;
  reported: string | null;
  /** An object whose members follow as rows of their own. */
  parent: boolean;
};

/** Every member of both, in the order of names; `missing` is desired and not reported. */
export function diff(
  desired: Document,
  reported: Document,
  path: readonly string[] = [],
): DiffRow[] {
  const names = [...new Set([...Object.keys(desired), ...Object.keys(reported)])].sort();
  return names.flatMap(name => {
    const at = [...path, name];
    const wanted = desired[name];
    const said = reported[name];
    if (isDocument(wanted) && (said === undefined || isDocument(said))) {
      return [heading(at, wanted, said), ...diff(wanted, said ?? {}, at)];
    }
    if (isDocument(said) && wanted === undefined) {
      return [heading(at, undefined, said), ...diff({}, said, at)];
    }
    return [
      {
        path: at,
        kind: kindOf(wanted, said),
        desired: text(wanted),
        reported: text(said),
        parent: false,
      },
    ];
  });
}

function heading(path: readonly string[], wanted?: Document, said?: Document): DiffRow {
  const kind = wanted === undefined ? "extra" : said === undefined ? "missing" : "same";
  return { path, kind, desired: null, reported: null, parent: true };
}

function kindOf(wanted: Json | undefined, said: Json | undefined): DiffRow["kind"] {
  if (said === undefined) return "missing";
  if (wanted === undefined) return "extra";
  return equal(wanted, said) ? "same" : "changed";
}

function text(value: Json | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

export function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function equal(one: Json, other: Json): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, n) => equal(each, other[n] ?? null));
  }
  if (isDocument(one) && isDocument(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every(name => name in other && equal(one[name] ?? null, other[name] ?? null))
    );
  }
  return one === other;
}

/** The smallest patch that makes `to` of `from`. `to` has no null among its members: see `nullAt`. */
export function patchOf(from: Document, to: Document): Document {
  const patch: Document = {};
  for (const name of Object.keys(from)) if (!(name in to)) patch[name] = null;
  for (const [name, value] of Object.entries(to)) {
    const before = from[name];
    if (before !== undefined && equal(before, value)) continue;
    patch[name] = isDocument(before) && isDocument(value) ? patchOf(before, value) : value;
  }
  return patch;
}

/** Where a member is null, which a merge patch cannot say; null when none is. */
export function nullAt(document: Document, path: readonly string[] = []): string | null {
  for (const [name, value] of Object.entries(document)) {
    const at = [...path, name];
    if (value === null) return at.join(".");
    const found = isDocument(value) ? nullAt(value, at) : null;
    if (found !== null) return found;
  }
  return null;
}

/** A document that was typed, or why it is none. */
export function read(typed: string): { document: Document } | { problem: string } {
  try {
    const value: unknown = JSON.parse(typed);
    return isDocument(value) ? { document: value } : { problem: "" };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : "" };
  }
}
