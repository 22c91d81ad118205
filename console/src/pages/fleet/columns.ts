/** Which columns the fleet has, which are shown, how wide. Pure. */
import type { FleetSearch } from "./search";

export type SavedView = { name: string; search: FleetSearch };

export type FleetPreferences = {
  /** Ids in their order; absent until somebody chooses. */
  columns?: string[];
  views?: SavedView[];
};

/** In the order in which they are offered; the device itself always comes first. */
export const COLUMNS = ["status", "lastSeen", "version", "groups", "tags"] as const;
export type FixedColumn = (typeof COLUMNS)[number];

const METRIC = "metric:";
/** What most people want to see of a machine; the first of these that devices report. */
const LIKED = ["cpu.percent", "memory.percent", "temperature", "disk.percent", "outbox.depth"];
const MOST_BY_ITSELF = 2;

export function metricOf(column: string): string | null {
  return column.startsWith(METRIC) ? column.slice(METRIC.length) : null;
}

export function columnOf(metric: string): string {
  return METRIC + metric;
}

/** What is shown: the user's choice, or ours with a metric or two that this fleet has. */
export function shownColumns(
  chosen: readonly string[] | undefined,
  metrics: readonly string[],
): string[] {
  if (chosen !== undefined) return chosen.filter(isColumn);
  const liked = [...LIKED, ...metrics].filter(metric => metrics.includes(metric));
  return [...COLUMNS, ...[...new Set(liked)].slice(0, MOST_BY_ITSELF).map(columnOf)];
}

function isColumn(id: string): boolean {
  return metricOf(id) !== null || (COLUMNS as readonly string[]).includes(id);
}

/** With or without one; fixed columns keep their places, metrics follow in the order of choice. */
export function toggled(shown: readonly string[], id: string): string[] {
  const next = shown.includes(id) ? shown.filter(one => one !== id) : [...shown, id];
  const fixed = COLUMNS.filter(one => next.includes(one));
  return [...fixed, ...next.filter(one => metricOf(one) !== null)];
}

const WIDTHS: Record<string, string> = {
  status: "104px",
  lastSeen: "92px",
  version: "minmax(70px, 0.6fr)",
  groups: "minmax(92px, 1fr)",
  tags: "minmax(104px, 1fr)",
};

/** For `grid-template-columns`. */
export function widthOf(column: string): string {
  return WIDTHS[column] ?? "minmax(124px, 0.9fr)";
}
