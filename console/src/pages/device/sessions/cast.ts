/** A recording of a terminal (asciicast v2): a header, and then one event a line. */

export type Cast = {
  width: number;
  height: number;
  truncated: boolean;
  events: readonly CastEvent[];
};
export type CastEvent =
  | { at: number; what: "output"; text: string }
  | { at: number; what: "resize"; columns: number; rows: number };

/** Nobody waits longer than this for what comes next, in seconds. */
const LONGEST_PAUSE = 2;

/** A line that is none is passed over: a recording may have been cut. */
export function castOf(text: string): Cast {
  const [first = "{}", ...lines] = text.split("\n");
  const head = (parsed(first) ?? {}) as { width?: number; height?: number; truncated?: boolean };
  return {
    width: head.width ?? 80,
    height: head.height ?? 24,
    truncated: head.truncated === true,
    events: shortened(lines.map(eventOf).filter(event => event !== null)),
  };
}

function eventOf(line: string): CastEvent | null {
  const found = parsed(line);
  if (!Array.isArray(found)) return null;
  const [at, kind, text] = found as [number, string, string];
  if (kind === "o") return { at, what: "output", text };
  const [columns, rows] = String(text).split("x").map(Number);
  return kind === "r" && columns && rows ? { at, what: "resize", columns, rows } : null;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Without pauses that are longer than somebody would watch. */
function shortened(events: readonly CastEvent[]): CastEvent[] {
  let before = 0;
  let now = 0;
  return events.map(event => {
    now += Math.min(Math.max(0, event.at - before), LONGEST_PAUSE);
    before = event.at;
    return { ...event, at: now };
  });
}
