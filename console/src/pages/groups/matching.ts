/** Devices whose id or name holds every word. Pure. */
import type { Device } from "../../live/standing";

export function matching(devices: readonly Device[], q: string): readonly Device[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return devices;
  return devices.filter(({ id, name }) => {
    const text = `${id} ${name}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
}

/** The chosen ones that are among `devices`: others have left meanwhile. */
export function among(
  chosen: ReadonlySet<string>,
  devices: readonly Device[],
): ReadonlySet<string> {
  return new Set(devices.flatMap(({ id }) => (chosen.has(id) ? [id] : [])));
}

/** How many of the chosen ones are not shown. */
export function hiddenOf(chosen: ReadonlySet<string>, shown: readonly Device[]): number {
  return chosen.size - shown.filter(({ id }) => chosen.has(id)).length;
}

export function toggled(chosen: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}
