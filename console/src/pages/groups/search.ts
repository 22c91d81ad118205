export type GroupsSearch = {
  /** The group that is open. */
  group?: string;
};

export function groupsSearch(search: Record<string, unknown>): GroupsSearch {
  const { group } = search;
  return typeof group === "string" && group !== "" ? { group } : {};
}
