/** What the address of a device says. Kept free of imports: it is part of the first load. */
export const TABS = [
  "overview",
  "charts",
  "log",
  "commands",
  "config",
  "firmware",
  "applications",
  "events",
  "sessions",
  "raw",
] as const;
export type DeviceTab = (typeof TABS)[number];

export type DeviceSearch = {
  /** Absent is the overview. */
  tab?: DeviceTab;
  /** Of the charts, separated by commas. */
  metrics?: string;
  /** Of charts and timeline. */
  span?: string;
  level?: string;
  source?: string;
  /** The command that is open beside the page. */
  command?: string;
  /** Of the events. */
  type?: string;
};

export function deviceSearch(search: Record<string, unknown>): DeviceSearch {
  const found: DeviceSearch = {};
  const tab = TABS.find(one => one === search.tab);
  if (tab !== undefined && tab !== "overview") found.tab = tab;
  for (const key of ["metrics", "span", "level", "source", "command", "type"] as const) {
    const value = search[key];
    // The router reads `metrics=7` as a number.
    if (typeof value === "string" && value !== "") found[key] = value;
    else if (typeof value === "number") found[key] = String(value);
  }
  return found;
}
