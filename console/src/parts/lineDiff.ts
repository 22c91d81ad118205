/** What has to be done to the lines of one text to have another. Pure. */

export type Line = {
  kind: "same" | "removed" | "added";
  text: string;
  /** From 1, in the text that was and in the one that is; null where it is not. */
  before: number | null;
  after: number | null;
};
/** Lines that follow each other, or so many that are the same in both and are left out. */
export type Hunk = { lines: readonly Line[] } | { hidden: number };

/** Above so many pairs of lines nobody would read what is the same between them. */
const MOST_PAIRS = 4_000_000;

export function lineDiff(before: string, after: string): Line[] {
  const was = linesOf(before);
  const is = linesOf(after);
  let head = 0;
  while (head < was.length && head < is.length && was[head] === is[head]) head++;
  let tail = 0;
  while (
    tail < was.length - head &&
    tail < is.length - head &&
    was[was.length - 1 - tail] === is[is.length - 1 - tail]
  )
    tail++;
  const middle = between(was.slice(head, was.length - tail), is.slice(head, is.length - tail));
  return numbered([
    ...is.slice(0, head).map(same),
    ...middle,
    ...is.slice(is.length - tail).map(same),
  ]);
}

/** With `around` lines before and behind each change. */
export function hunksOf(lines: readonly Line[], around = 3): Hunk[] {
  const isShown = lines.map(() => false);
  for (const [at, { kind }] of lines.entries())
    if (kind !== "same") isShown.fill(true, Math.max(0, at - around), at + around + 1);
  const hunks: Hunk[] = [];
  for (let from = 0, to = 0; from < lines.length; from = to) {
    while (to < lines.length && isShown[to] === isShown[from]) to++;
    hunks.push(isShown[from] ? { lines: lines.slice(from, to) } : { hidden: to - from });
  }
  return hunks;
}

type Step = Pick<Line, "kind" | "text">;
const same = (text: string): Step => ({ kind: "same", text });
const linesOf = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

/** By the longest sequence of lines that both have. */
function between(was: readonly string[], is: readonly string[]): Step[] {
  const removed = (text: string): Step => ({ kind: "removed", text });
  const added = (text: string): Step => ({ kind: "added", text });
  if (was.length * is.length > MOST_PAIRS) return [...was.map(removed), ...is.map(added)];
  const lengths = lengthsOf(was, is);
  const steps: Step[] = [];
  let one = 0;
  let other = 0;
  while (one < was.length || other < is.length) {
    const old = was[one];
    const next = is[other];
    if (old !== undefined && old === next) {
      steps.push(same(old));
      one++;
      other++;
    } else if (
      next === undefined ||
      (old !== undefined && at(lengths, one + 1, other) >= at(lengths, one, other + 1))
    ) {
      steps.push(removed(old ?? ""));
      one++;
    } else {
      steps.push(added(next));
      other++;
    }
  }
  return steps;
}

/** How many lines the two have in common from each pair of places on. */
function lengthsOf(was: readonly string[], is: readonly string[]): Uint32Array[] {
  const rows = Array.from({ length: was.length + 1 }, () => new Uint32Array(is.length + 1));
  for (let one = was.length - 1; one >= 0; one--)
    for (let other = is.length - 1; other >= 0; other--) {
      const row = rows[one];
      if (row === undefined) continue;
      row[other] =
        was[one] === is[other]
          ? at(rows, one + 1, other + 1) + 1
          : Math.max(at(rows, one + 1, other), at(rows, one, other + 1));
    }
  return rows;
}

const at = (rows: readonly Uint32Array[], one: number, other: number) => rows[one]?.[other] ?? 0;

function numbered(steps: readonly Step[]): Line[] {
  let before = 0;
  let after = 0;
  return steps.map(({ kind, text }) => {
    if (kind !== "added") before++;
    if (kind !== "removed") after++;
    return {
      kind,
      text,
      before: kind === "added" ? null : before,
      after: kind === "removed" ? null : after,
    };
  });
}
