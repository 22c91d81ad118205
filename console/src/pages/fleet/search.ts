/** What the address of the fleet says; absent is all. */
export type FleetSearch = {
  q?: string;
  status?: string;
  connected?: boolean;
  group?: string;
  tag?: string;
  version?: string;
  /** A column's id; with a minus the other way round. */
  sort?: string;
};

const TEXTS = ["q", "status", "group", "tag", "version", "sort"] as const;

export function fleetSearch(search: Record<string, unknown>): FleetSearch {
  const found: FleetSearch = {};
  for (const key of TEXTS) {
    const value = search[key];
    // The router reads `tag=7` as a number.
    if (typeof value === "string" && value !== "") found[key] = value;
    else if (typeof value === "number") found[key] = String(value);
  }
  if (typeof search.connected === "boolean") found.connected = search.connected;
  return found;
}

/** Without the order: whether anything is filtered. */
export function isFiltered({ sort: _, ...filters }: FleetSearch): boolean {
  return Object.keys(filters).length > 0;
}
