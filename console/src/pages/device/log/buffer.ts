/**
 * The lines of one log: those that came live, those read from the history, and where something may
 * be missing. Pure: it is told what came and when, and holds the result.
 *
 * Live lines carry no time of receipt, and the history no offset; both carry the line itself. So a
 * line of the history is the same as a live one when everything it says is the same. What is said
 * twice is there twice: each line of a page of the history matches one line at most.
 *
 * What was not there is put between the nearest lines before and after it that matched, and there by
 * its time.
 */

export type Level = "DEBUG" | "INFO" | "WARN" | "ERROR";
export const LEVELS: readonly Level[] = ["DEBUG", "INFO", "WARN", "ERROR"];

export type Said = {
  ts: string;
  level: Level;
  line: string;
  source: string | null;
  commandId: string | null;
};

export type Line = Said & {
  kind: "line";
  key: number;
  /** When the hub received it, in milliseconds. */
  at: number;
  /** Whether the hub itself said when: for a live line it is this browser's guess. */
  exact: boolean;
};

export type GapRow = {
  kind: "gap";
  key: number;
  at: number;
  /** Whether the history has been read back to before it. */
  filled: boolean;
};

export type Entry = Line | GapRow;

/** A line of the history. */
export type Kept = Said & { receivedAt: string };

export const MOST = 20_000;
/** How far a guess of the time of receipt may be off, milliseconds. */
const GUESS_MS = 2000;

export class LogBuffer {
  private entries: Entry[] = [];
  private keys = 0;
  /** Whether there is nothing before the first line. */
  private whole = false;

  all(): readonly Entry[] {
    return this.entries;
  }

  /** Whether the history holds nothing older. */
  isWhole(): boolean {
    return this.whole;
  }

  hasOpenGap(): boolean {
    return this.entries.some(entry => entry.kind === "gap" && !entry.filled);
  }

  /** Lines that came live at `at`; the oldest give way beyond `most`. */
  append(lines: readonly Said[], at: number, most = MOST): void {
    this.entries = this.entries.concat(
      lines.map(line => ({ ...line, kind: "line", key: this.nextKey(), at, exact: false })),
    );
    if (this.entries.length > most) {
      this.entries = this.entries.slice(this.entries.length - most);
      this.whole = false;
    }
  }

  /** Lines may be missing from here on; two gaps in a row are one. */
  gap(at: number): void {
    const last = this.entries.at(-1);
    if (this.entries.length === 0 || (last?.kind === "gap" && !last.filled)) return;
    this.entries = [...this.entries, { kind: "gap", key: this.nextKey(), at, filled: false }];
  }

  /** Until when to ask the history for what is before the first line; null = until now. */
  olderThan(): string | null {
    const first = this.entries.find(entry => entry.kind === "line");
    return first === undefined
      ? null
      : new Date(first.at + (first.exact ? 1 : GUESS_MS)).toISOString();
  }

  /**
   * A page of the history, newest first as the hub gives it. `newest` says that it was read up to
   * now without a hole, `last` that nothing is older. Returns how many lines it brought.
   */
  join(page: readonly Kept[], { newest, last }: { newest: boolean; last: boolean }): number {
    const history = [...page].reverse();
    const matches = this.match(history);
    const before = this.entries;
    const joined: Entry[] = [];
    let at = 0;
    let brought = 0;
    history.forEach((kept, index) => {
      const match = matches[index];
      if (match !== undefined) {
        for (; at <= match; at += 1) joined.push(this.known(before, at));
        return;
      }
      const received = Date.parse(kept.receivedAt);
      const end = nextMatch(matches, index, at) ?? before.length;
      for (; at < end && isBefore(before[at], received); at += 1)
        joined.push(this.known(before, at));
      joined.push(this.lineOf(kept, received));
      brought += 1;
    });
    for (; at < before.length; at += 1) joined.push(this.known(before, at));
    this.settle(before, history, matches);
    const reached = last
      ? -1
      : Math.min(...matches.map(match => match ?? Number.POSITIVE_INFINITY));
    this.entries = joined.map(entry =>
      newest && entry.kind === "gap" && before.indexOf(entry) > reached
        ? { ...entry, filled: true }
        : entry,
    );
    if (last) this.whole = true;
    return brought;
  }

  /** For each line of the history the place of the same line here, each place once. */
  private match(history: readonly Kept[]): (number | undefined)[] {
    const places = new Map<string, number[]>();
    this.entries.forEach((entry, index) => {
      if (entry.kind === "gap") return;
      const said = identity(entry);
      const known = places.get(said);
      if (known) known.push(index);
      else places.set(said, [index]);
    });
    return history.map(kept => places.get(identity(kept))?.shift());
  }

  /** The time of receipt of what matched is known now. */
  private settle(
    before: readonly Entry[],
    history: readonly Kept[],
    matches: readonly (number | undefined)[],
  ): void {
    history.forEach((kept, index) => {
      const entry = before[matches[index] ?? -1];
      if (entry?.kind !== "line") return;
      entry.at = Date.parse(kept.receivedAt);
      entry.exact = true;
    });
  }

  private known(entries: readonly Entry[], at: number): Entry {
    const entry = entries[at];
    if (entry === undefined) throw new RangeError(`no entry ${at}`);
    return entry;
  }

  private lineOf({ receivedAt: _, ...said }: Kept, at: number): Line {
    return { ...said, kind: "line", key: this.nextKey(), at, exact: true };
  }

  private nextKey(): number {
    this.keys += 1;
    return this.keys;
  }
}

function identity({ ts, level, source, commandId, line }: Said): string {
  return [ts, level, source ?? "", commandId ?? "", line].join("\u0000");
}

function isBefore(entry: Entry | undefined, received: number): boolean {
  return entry !== undefined && entry.at <= received;
}

/** The first place from `at` on that a later line of the history matched. */
function nextMatch(
  matches: readonly (number | undefined)[],
  after: number,
  at: number,
): number | undefined {
  for (let index = after + 1; index < matches.length; index += 1) {
    const match = matches[index];
    if (match !== undefined && match >= at) return match;
  }
  return undefined;
}

/** A live `log_line`, as the history would say it. */
export function saidOf(event: Record<string, unknown>): Said {
  return {
    ts: String(event.ts),
    level: (event.level as Level | undefined) ?? "INFO",
    line: String(event.line),
    source: (event.source as string | undefined) ?? null,
    commandId: (event.commandId as string | undefined) ?? null,
  };
}

/** What a log shows: the hub filters the history by it, and `isWanted` what comes live. */
export type Wanted = {
  level: Level | null;
  source: string | null;
  /** Part of the line, in upper or lower case; empty is any. */
  q: string;
};

/** Longer ones the hub refuses. */
export const LONGEST_SEARCH = 256;

export function isWanted(said: Said, { level, source, q }: Wanted): boolean {
  if (source !== null && said.source !== source) return false;
  if (!said.line.toLowerCase().includes(q.toLowerCase())) return false;
  return level === null || LEVELS.indexOf(said.level) >= LEVELS.indexOf(level);
}

/** The time of receipt, in milliseconds, of the oldest line that is here; null without lines. */
export function oldestOf(entries: readonly Entry[]): number | null {
  return entries.find(entry => entry.kind === "line")?.at ?? null;
}

const ESCAPE = String.fromCharCode(27);
const ESCAPES = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-z]`, "g");

/** Without the escape sequences that colour a terminal. */
export function plain(line: string): string {
  return line.includes(ESCAPE) ? line.replace(ESCAPES, "") : line;
}

/** The parts of a line; every second one is what was looked for. */
export function parts(line: string, text: string): string[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [line];
  const lower = line.toLowerCase();
  // In a few scripts lower case has another length: then nothing is marked.
  if (lower.length !== line.length) return [line];
  const result: string[] = [];
  let at = 0;
  for (let hit = lower.indexOf(wanted); hit >= 0; hit = lower.indexOf(wanted, at)) {
    result.push(line.slice(at, hit), line.slice(hit, hit + wanted.length));
    at = hit + wanted.length;
  }
  result.push(line.slice(at));
  return result;
}

/** As a text file. */
export function textOf(entries: readonly Entry[], gap: string): string {
  return entries
    .map(entry =>
      entry.kind === "gap"
        ? entry.filled
          ? ""
          : `--- ${gap} ---\n`
        : `${entry.ts} ${entry.level.padEnd(5)} ${entry.source ? `[${entry.source}] ` : ""}${plain(entry.line)}\n`,
    )
    .join("");
}
