/** A campaign as waves of devices: planned before it begins, counted while it runs. Pure. */
import type { Campaign, CampaignDevice } from "../api/campaigns";
import type { LiveEvent } from "./frames";

export type Wave = { count?: number | null; percent?: number | null };
export type Row = CampaignDevice;
export type DeviceStatus = Row["status"];
export type Tally = Record<DeviceStatus, number>;

export const STATUSES: readonly DeviceStatus[] = [
  "SUCCESS",
  "IN_PROGRESS",
  "PENDING",
  "FAILED",
  "SKIPPED",
];

/** How many devices each wave takes of `total`; what is left is behind the last. The hub's rule. */
export function sizesOf(waves: readonly Wave[], total: number): number[] {
  let assigned = 0;
  return waves.map(({ count, percent }) => {
    const wanted =
      percent === null || percent === undefined
        ? (count ?? 0)
        : Math.ceil((total * percent) / 100) - assigned;
    const size = Math.min(Math.max(0, wanted), total - assigned);
    assigned += size;
    return size;
  });
}

export type WaveProblem = "either" | "count" | "percent" | "rising";

/** What the hub would refuse, as one word; null when it is fine. */
export function problemOf(waves: readonly Wave[]): WaveProblem | null {
  let share = 0;
  for (const { count, percent } of waves) {
    const counted = count !== null && count !== undefined;
    const shared = percent !== null && percent !== undefined;
    if (counted === shared) return "either";
    if (counted && !(Number.isInteger(count) && count >= 1)) return "count";
    if (!shared) continue;
    if (!(percent > 0 && percent <= 100)) return "percent";
    if (percent <= share) return "rising";
    share = percent;
  }
  return null;
}

/** The rows after these events; the same object when none is about any of them. */
export function follow(
  rows: ReadonlyMap<string, Row>,
  campaignId: string,
  events: readonly LiveEvent[],
): ReadonlyMap<string, Row> {
  let next: Map<string, Row> | null = null;
  for (const event of events) {
    const row = (next ?? rows).get(event.deviceId);
    if (event.deploymentId !== campaignId || row === undefined) continue;
    next ??= new Map(rows);
    next.set(event.deviceId, step(row, event));
  }
  return next ?? rows;
}

function step(row: Row, event: LiveEvent): Row {
  const error = typeof event.error === "string" ? { code: event.error, message: "" } : row.error;
  return {
    ...row,
    status: event.status as DeviceStatus,
    phase: (event.phase ?? row.phase) as Row["phase"],
    startedAt: row.startedAt ?? (event.status === "PENDING" ? null : event.ts),
    finishedAt: isOver(event.status as DeviceStatus) ? event.ts : null,
    error: error as Row["error"],
  };
}

export function isOver(status: DeviceStatus): boolean {
  return status === "SUCCESS" || status === "FAILED" || status === "SKIPPED";
}

export type WaveCount = { index: number; total: number; counts: Tally };

/** Each wave and how its devices stand; those in no wave are not counted. */
export function countWaves(rows: Iterable<Row>, waves: number): WaveCount[] {
  const found = Array.from({ length: waves }, (_, index) => ({
    index,
    total: 0,
    counts: none(),
  }));
  for (const { wave, status } of rows) {
    const counted = wave === null ? undefined : found[wave];
    if (counted === undefined) continue;
    counted.total += 1;
    counted.counts[status] += 1;
  }
  return found;
}

function none(): Tally {
  return { PENDING: 0, IN_PROGRESS: 0, SUCCESS: 0, FAILED: 0, SKIPPED: 0 };
}

export function tallyOf(counts: Campaign["counts"]): Tally {
  return {
    PENDING: counts.pending,
    IN_PROGRESS: counts.inProgress,
    SUCCESS: counts.success,
    FAILED: counts.failed,
    SKIPPED: counts.skipped,
  };
}

const UNFINISHED = new Set(["SCHEDULED", "AWAITING", "PENDING", "IN_PROGRESS", "PAUSED"]);

export function isUnfinished(status: string): boolean {
  return UNFINISHED.has(status);
}
