/** The commands of one device, newest first, each once. Pure. */

import { hasEnded } from "../../../api/commands/states";
import type { CommandRecord } from "../../../live/commands/records";

/** With these; of two of the same the one that is further. */
export function put(
  known: readonly CommandRecord[],
  ...records: readonly CommandRecord[]
): CommandRecord[] {
  const byId = new Map(known.map(record => [record.commandId, record]));
  for (const record of records) {
    const before = byId.get(record.commandId);
    if (before && hasEnded(before.status) && !hasEnded(record.status)) continue;
    byId.set(record.commandId, record);
  }
  return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
