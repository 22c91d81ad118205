/** How a device fared over a span, as pieces of one state each. Pure; milliseconds. */

export type Change = {
  at: number;
  status: string;
  /** Where the hub says that a line opened or closed. */
  connected: boolean | null;
  generation: number | null;
};

/** `state` is null where nothing is known. */
export type Segment = { from: number; to: number; state: string | null };

/**
 * The pieces from `since` to `until`, without a hole, each in another state than the one before.
 * `changes` are in their order and may begin before `since`. What an older line says of presence
 * after a newer one was seen changes nothing.
 */
export function segments(changes: readonly Change[], since: number, until: number): Segment[] {
  const found: Segment[] = [];
  let state: string | null = null;
  let from = since;
  let newest = Number.NEGATIVE_INFINITY;
  const close = (at: number) => {
    const to = Math.min(Math.max(at, since), until);
    const last = found.at(-1);
    if (last !== undefined && last.state === state) last.to = to;
    else if (to > from) found.push({ from, to, state });
    from = to;
  };
  for (const change of changes) {
    if (change.generation !== null) {
      if (change.generation < newest) continue;
      newest = change.generation;
    }
    if (change.status === state) continue;
    close(change.at);
    state = change.status;
  }
  close(until);
  return found;
}

/** The share of the known time in which the device was on a line, 0 to 1; null when nothing is known. */
export function availability(pieces: readonly Segment[]): number | null {
  let known = 0;
  let there = 0;
  for (const { from, to, state } of pieces) {
    if (state === null) continue;
    known += to - from;
    if (state !== "OFFLINE") there += to - from;
  }
  return known === 0 ? null : there / known;
}

const EDGE = 0.02;

/** Moments of an axis: round ones, `most` at most, none so close to an end that its text is cut. */
export function ticks(since: number, until: number, most: number, offsetMs: number): number[] {
  const minute = 60_000;
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880].map(n => n * minute);
  const step = steps.find(one => (until - since) / one <= most) ?? 2880 * minute;
  const found: number[] = [];
  const first = Math.ceil((since + offsetMs) / step) * step - offsetMs;
  for (let at = first; at <= until; at += step) found.push(at);
  const edge = (until - since) * EDGE;
  return found.filter(at => at - since >= edge && until - at >= edge);
}
