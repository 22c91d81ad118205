/**
 * What became of one dispatch to one or many devices. Pure: it is given the answer of the hub, live
 * events and records that were read again, in any order, and keeps the newest of each.
 */
import type { Schemas } from "../../api/client";
import { hasEnded, isLater } from "../../api/commands/states";
import type { LiveEvent } from "../frames";

/** Of what waits for another person. */
export const AWAITING = "AWAITING";

export type RunRow = {
  deviceId: string;
  /** Null when the hub refused the device, so that there is no command. */
  commandId: string | null;
  status: string;
  percent: number | null;
  stage: string;
  output: string | null;
  error: { code: string; message: string } | null;
};

export type Run = ReadonlyMap<string, RunRow>;

type Result = { commandId: string | null; status: string; output?: string | null; error?: unknown };

/** The rows of the hub's answer. */
export function begin(results: Record<string, Result>): Run {
  return new Map(
    Object.entries(results).map(([deviceId, result]) => [deviceId, rowOf(deviceId, result)]),
  );
}

function rowOf(deviceId: string, result: Result): RunRow {
  return {
    deviceId,
    commandId: result.commandId,
    status: result.status,
    percent: null,
    stage: "",
    output: result.output ?? null,
    error: errorOf(result.error),
  };
}

function errorOf(error: unknown): RunRow["error"] {
  if (typeof error !== "object" || error === null) return null;
  const { code, message } = error as { code?: string; message?: string };
  return { code: code ?? "", message: message ?? "" };
}

/** The run after these events; the same object when none of them is about it. */
export function follow(run: Run, events: readonly LiveEvent[]): Run {
  let next: Map<string, RunRow> | null = null;
  for (const event of events) {
    const row = (next ?? run).get(event.deviceId);
    if (row === undefined || row.commandId === null || row.commandId !== event.commandId) continue;
    const changed = step(row, event);
    if (changed === row) continue;
    next ??= new Map(run);
    next.set(row.deviceId, changed);
  }
  return next ?? run;
}

function step(row: RunRow, event: LiveEvent): RunRow {
  if (hasEnded(row.status)) return row;
  if (event.type === "command_progress") {
    const { percent, stage, message } = event as { percent?: number | null } & Record<
      string,
      unknown
    >;
    return {
      ...row,
      status: "RUNNING",
      percent: percent ?? row.percent,
      stage: String(stage ?? message ?? row.stage),
    };
  }
  const status = String(event.status);
  if (!isLater(status, row.status)) return row;
  if (event.type !== "command_result") return { ...row, status };
  return {
    ...row,
    status,
    output: (event.output as string | null | undefined) ?? null,
    error: errorOf(event.error),
  };
}

/** The run after its records were read again. */
export function refresh(run: Run, records: readonly Schemas["CommandRecord"][]): Run {
  const next = new Map(run);
  for (const record of records) {
    const row = next.get(record.deviceId);
    if (row === undefined || !isOf(row, record)) continue;
    if (!isLater(record.status, row.status)) continue;
    const { percent, stage } = (record.progress ?? {}) as { percent?: number; stage?: string };
    next.set(record.deviceId, {
      ...rowOf(record.deviceId, record),
      percent: percent ?? row.percent,
      stage: stage ?? row.stage,
    });
  }
  return next;
}

/** What waited for an approval has its id from then on. */
function isOf(row: RunRow, record: Schemas["CommandRecord"]): boolean {
  return row.commandId === record.commandId || (row.commandId === null && row.status === AWAITING);
}

export type Tally = { total: number; ended: number; succeeded: number; failed: number };

export function tally(run: Run): Tally {
  const found = { total: run.size, ended: 0, succeeded: 0, failed: 0 };
  for (const { status } of run.values()) {
    if (!hasEnded(status)) continue;
    found.ended += 1;
    if (status === "SUCCESS") found.succeeded += 1;
    else found.failed += 1;
  }
  return found;
}
