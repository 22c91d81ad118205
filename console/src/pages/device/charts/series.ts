/**
 * One metric over time, in steps: what the history holds, and what came live since it was read. Pure;
 * milliseconds outside, seconds in the columns, as the chart wants them.
 *
 * A line is drawn from one point to the next only where they follow each other as the device usually
 * reports. Where it did not report there is a hole, because nobody knows what the value was.
 */

export type Point = { ts: string; count: number; avg: number; min: number; max: number };

export type Columns = {
  /** Unix seconds, rising. */
  x: number[];
  avg: (number | null)[];
  min: (number | null)[];
  max: (number | null)[];
};

type Bucket = { count: number; sum: number; min: number; max: number };

/** How many times the usual distance makes a hole. */
const HOLE = 2.5;
/** Below this many distances the usual one is not known. */
const FEW = 4;
/** Devices report at least this often, usually. */
const USUAL_MS = 30_000;

/** A sample that is older goes into its bucket for good: the history is not read that slowly. */
const SETTLED_MS = 60_000;

export class Series {
  private history = new Map<number, Bucket>();
  private samples: { at: number; value: number }[] = [];

  constructor(
    private readonly stepMs: number,
    private readonly spanMs: number,
  ) {}

  /** What the history holds, as it was at `readAt`: samples heard since then are added to it. */
  load(points: readonly Point[], readAt: number): void {
    this.history = new Map(
      points.map(({ ts, count, avg, min, max }) => [
        Date.parse(ts),
        { count, sum: avg * count, min, max },
      ]),
    );
    this.samples = this.samples.filter(({ at }) => at > readAt);
  }

  add(at: number, value: number): void {
    this.samples.push({ at, value });
    for (let first = this.samples[0]; first && first.at < at - SETTLED_MS; [first] = this.samples) {
      this.put(this.history, first.at, first.value);
      this.samples.shift();
    }
    for (const start of this.history.keys()) {
      if (start >= at - 2 * this.spanMs) break;
      this.history.delete(start);
    }
  }

  /** What lies between, with holes. */
  columns(since: number, until: number): Columns {
    const buckets = new Map(this.history);
    for (const { at, value } of this.samples) this.put(buckets, at, value);
    const starts = [...buckets.keys()]
      .filter(start => start + this.stepMs > since && start <= until)
      .sort((a, b) => a - b);
    return this.drawn(starts, buckets);
  }

  private put(buckets: Map<number, Bucket>, at: number, value: number): void {
    const start = Math.floor(at / this.stepMs) * this.stepMs;
    buckets.set(start, withSample(buckets.get(start), value));
  }

  private drawn(starts: readonly number[], buckets: ReadonlyMap<number, Bucket>): Columns {
    const columns: Columns = { x: [], avg: [], min: [], max: [] };
    const limit = HOLE * this.usual(starts);
    let last: number | null = null;
    for (const start of starts) {
      const bucket = buckets.get(start);
      if (bucket === undefined) continue;
      if (last !== null && start - last > limit) push(columns, last + this.stepMs, null);
      push(columns, start, bucket);
      last = start;
    }
    return columns;
  }

  /** The usual distance of two points: their median, and never less than a step. */
  private usual(starts: readonly number[]): number {
    const distances = starts.slice(1).map((start, index) => start - (starts[index] ?? start));
    if (distances.length < FEW) return Math.max(this.stepMs, USUAL_MS);
    distances.sort((a, b) => a - b);
    return Math.max(this.stepMs, distances[Math.floor(distances.length / 2)] ?? 0);
  }
}

function withSample(bucket: Bucket | undefined, value: number): Bucket {
  if (bucket === undefined) return { count: 1, sum: value, min: value, max: value };
  return {
    count: bucket.count + 1,
    sum: bucket.sum + value,
    min: Math.min(bucket.min, value),
    max: Math.max(bucket.max, value),
  };
}

function push(columns: Columns, at: number, bucket: Bucket | null): void {
  columns.x.push(at / 1000);
  columns.avg.push(bucket && bucket.sum / bucket.count);
  columns.min.push(bucket?.min ?? null);
  columns.max.push(bucket?.max ?? null);
}

const MINUTE = 60_000;

/** What a chart can show, and the steps that fit: some hundred points each. */
export const SPANS: Record<string, { spanMs: number; stepMs: number }> = {
  "15m": { spanMs: 15 * MINUTE, stepMs: 10_000 },
  "1h": { spanMs: 60 * MINUTE, stepMs: 15_000 },
  "6h": { spanMs: 360 * MINUTE, stepMs: MINUTE },
  "1d": { spanMs: 1440 * MINUTE, stepMs: 5 * MINUTE },
  "7d": { spanMs: 7 * 1440 * MINUTE, stepMs: 30 * MINUTE },
};

/** The metrics to show: those asked for that there are, else the first few. */
export function chosen(asked: string | undefined, names: readonly string[], most = 4): string[] {
  const wanted = (asked ?? "").split(",").filter(name => names.includes(name));
  return wanted.length > 0 ? wanted : names.slice(0, most);
}
