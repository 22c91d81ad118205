/** Production events in one line each. Pure; texts come from devices and are shown as they are. */

export type Happening = {
  /** Unique within the list. */
  key: string;
  type: string;
  /** When it happened, as the device or the hub says. */
  ts: string;
  event: Record<string, unknown>;
};

export type Tone = "ok" | "warn" | "bad" | "none";

export const TYPES = ["scan", "print", "event", "alert"] as const;

/** What it is about, and how it is to be looked at. */
export function describe({ type, event }: Happening): {
  subject: string;
  detail: string;
  tone: Tone;
} {
  switch (type) {
    case "scan":
      return {
        subject: word(event.code),
        detail: compact(event.data),
        tone: event.valid === true ? "ok" : "bad",
      };
    case "print":
      return {
        subject: word(event.jobId),
        detail: compact(event.data),
        tone: event.ok === true ? "ok" : "bad",
      };
    case "alert":
      return {
        subject: word(event.code),
        detail: word(event.message),
        tone: event.severity === "CRITICAL" ? "bad" : event.severity === "WARN" ? "warn" : "none",
      };
    default:
      return { subject: word(event.name), detail: compact(event.data), tone: "none" };
  }
}

function word(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}

function compact(value: unknown): string {
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

/** Newest first, each once: what came live and what was read say the same of themselves. */
export function merged(
  known: readonly Happening[],
  more: readonly Happening[],
  most: number,
): Happening[] {
  const byKey = new Map([...known, ...more].map(one => [one.key, one]));
  return [...byKey.values()]
    .sort((a, b) => (a.ts < b.ts ? 1 : a.ts > b.ts ? -1 : 0))
    .slice(0, most);
}

const PLACE = new Set(["epoch", "offset", "deviceId"]);

/** The same for an event from the socket and from the history: the first has a place in the stream. */
export function happening(event: Record<string, unknown>): Happening {
  const said = Object.fromEntries(Object.entries(event).filter(([name]) => !PLACE.has(name)));
  const key = JSON.stringify(Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { key, type: String(event.type), ts: String(event.ts), event: said };
}

/** What is known without holes: nothing older than the newest place where a type has more to read. */
export function covered(
  events: readonly Happening[],
  readTo: Iterable<string>,
): readonly Happening[] {
  const floor = [...readTo].sort().at(-1);
  return floor === undefined ? events : events.filter(({ ts }) => ts >= floor);
}
