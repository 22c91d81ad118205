/** What the address of the fleet says; absent is all. */
export type FleetSearch = {
  q?: string;
  status?: string;
  connected?: boolean;
  group?: string;
  tag?: string;
  version?: string;
};

export function fleetSearch(search: Record<string, unknown>): FleetSearch {
  const found: FleetSearch = {};
  for (const key of ["q", "status", "group", "tag", "version"] as const) {
    const value = search[key];
    // The router reads `tag=7` as a number.
    if (typeof value === "string" && value !== "") found[key] = value;
    else if (typeof value === "number") found[key] = String(value);
  }
  if (typeof search.connected === "boolean") found.connected = search.connected;
  return found;
}
