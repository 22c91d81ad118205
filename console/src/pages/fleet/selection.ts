/** Which devices are chosen: by one, by a range, all that match. Pure. */

export type Selection = {
  ids: ReadonlySet<string>;
  /** Where a range begins. */
  anchor: string | null;
};

export const NOTHING: Selection = { ids: new Set(), anchor: null };

/** One more or less; with `ranged` everything from the anchor to it becomes as the anchor is. */
export function choose(
  selection: Selection,
  id: string,
  shown: readonly string[],
  ranged: boolean,
): Selection {
  const ids = new Set(selection.ids);
  const from = selection.anchor === null ? -1 : shown.indexOf(selection.anchor);
  const to = shown.indexOf(id);
  if (ranged && from >= 0 && to >= 0) {
    const add = selection.anchor !== null && ids.has(selection.anchor);
    for (const one of shown.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (add) ids.add(one);
      else ids.delete(one);
    }
    return { ids, anchor: selection.anchor };
  }
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: id };
}

/** The chosen ones of `shown`, in its order, and how many others are chosen. */
export function sighted(
  selection: Selection,
  shown: readonly string[],
): { seen: readonly string[]; hidden: number } {
  const seen = shown.filter(id => selection.ids.has(id));
  return { seen, hidden: selection.ids.size - seen.length };
}

/** Without those that are no longer there; the same object when all are. */
export function living(selection: Selection, isThere: (id: string) => boolean): Selection {
  const ids = [...selection.ids].filter(isThere);
  return ids.length === selection.ids.size ? selection : { ...selection, ids: new Set(ids) };
}

export type Extent = "none" | "some" | "all";

/** How much of what is shown is chosen. */
export function extentOf(selection: Selection, shown: readonly string[]): Extent {
  let chosen = 0;
  for (const id of shown) if (selection.ids.has(id)) chosen += 1;
  if (chosen === 0) return "none";
  return chosen === shown.length ? "all" : "some";
}

/** All that match, or none of them. */
export function chooseAll(selection: Selection, shown: readonly string[]): Selection {
  const ids = new Set(selection.ids);
  const all = extentOf(selection, shown) === "all";
  for (const id of shown) {
    if (all) ids.delete(id);
    else ids.add(id);
  }
  return { ids, anchor: null };
}
