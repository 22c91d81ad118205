/** Ids that somebody pasted, sorted by what is known of them. Pure. */

export type Pasted = {
  /** Known, and not in the group yet. */
  found: string[];
  members: string[];
  unknown: string[];
};

/** Device ids hold neither spaces nor commas, and no quotes. */
export function pasted(
  text: string,
  isKnown: (id: string) => boolean,
  isMember: (id: string) => boolean,
): Pasted {
  const ids = new Set(text.split(/[\s,;"']+/).filter(Boolean));
  const sorted: Pasted = { found: [], members: [], unknown: [] };
  for (const id of ids) {
    if (!isKnown(id)) sorted.unknown.push(id);
    else if (isMember(id)) sorted.members.push(id);
    else sorted.found.push(id);
  }
  return sorted;
}
