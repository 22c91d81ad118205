/** The commands of one device: pages of records, and what is heard of them live. Pure. */
import type { Schemas } from "../../../api/client";
import { hasEnded } from "../../../commands/states";
import type { LiveEvent } from "../../../live/frames";

export type Record_ = Schemas["CommandRecord"];

/** Newest first, each once; of two of the same the one that is further. */
export function put(known: readonly Record_[], ...records: readonly Record_[]): Record_[] {
  const byId = new Map(known.map(record => [record.commandId, record]));
  for (const record of records) {
    const before = byId.get(record.commandId);
    if (before && hasEnded(before.status) && !hasEnded(record.status)) continue;
    byId.set(record.commandId, record);
  }
  return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}

/** Progress needs no reading again: the event says it all. */
export function advance(known: readonly Record_[], event: LiveEvent): readonly Record_[] {
  if (event.type !== "command_progress") return known;
  return known.map(record =>
    record.commandId === event.commandId && !hasEnded(record.status)
      ? {
          ...record,
          status: "RUNNING",
          progress: {
            percent: event.percent ?? null,
            stage: event.stage ?? null,
            message: event.message ?? null,
          } as unknown as Record_["progress"],
        }
      : record,
  );
}

export function progressOf({ progress }: Record_): { percent: number | null; stage: string } {
  const said = (progress ?? {}) as { percent?: number | null; stage?: string; message?: string };
  return { percent: said.percent ?? null, stage: said.stage ?? said.message ?? "" };
}

export function errorOf({ error }: Record_): { code: string; message: string } | null {
  if (error === null) return null;
  const said = error as { code?: string; message?: string };
  return { code: said.code ?? "", message: said.message ?? "" };
}
