/** Records of commands that are shown, and what happens to them live. Pure. */
import type { Schemas } from "../../api/client";
import { hasEnded, isLater } from "../../api/commands/states";
import type { LiveEvent } from "../frames";

export type CommandRecord = Schemas["CommandRecord"];
export type Progress = { percent?: number | null; stage?: string; message?: string };

/** The records after an event, and whether one of them has ended: then the rest of it is to be read. */
export function touched(
  records: readonly CommandRecord[],
  event: LiveEvent,
): { records: readonly CommandRecord[]; ended: CommandRecord | null } {
  const at = records.findIndex(({ commandId }) => commandId === event.commandId);
  const record = records[at];
  if (record === undefined || record.deviceId !== event.deviceId || hasEnded(record.status)) {
    return { records, ended: null };
  }
  const status = event.type === "command_progress" ? "RUNNING" : String(event.status);
  const { percent = null, stage = null, message = null } = event as LiveEvent & Progress;
  const next: CommandRecord = {
    ...record,
    status: isLater(status, record.status) ? status : record.status,
    progress: event.type === "command_progress" ? { percent, stage, message } : record.progress,
  };
  return { records: records.with(at, next), ended: hasEnded(next.status) ? next : null };
}

/** Milliseconds from acceptance to the end; null while it is under way. */
export function tookMs(record: CommandRecord): number | null {
  return record.finishedAt === null
    ? null
    : Date.parse(record.finishedAt) - Date.parse(record.createdAt);
}
