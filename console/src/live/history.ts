/** A short history of one metric, and how it is drawn. Pure. */

export type Point = { at: number; value: number };
/** The oldest first. */
export type History = readonly Point[];

export const WINDOW_MS = 3_600_000;
/** Points closer than this become one: a sparkline has a hundred pixels. */
export const GRAIN_MS = 20_000;

/** Both, in time; of what is too close the newer stays, and what is older than the window goes. */
export function joined(earlier: History, later: readonly Point[]): History {
  const last = later.at(-1) ?? earlier.at(-1);
  if (last === undefined) return [];
  const oldest = last.at - WINDOW_MS;
  const found = earlier.filter(({ at }) => at >= oldest);
  for (const point of later) {
    const before = found.at(-1);
    if (before !== undefined && point.at < before.at) continue;
    const beforeThat = found.at(-2);
    if (before && beforeThat && point.at - beforeThat.at < GRAIN_MS) found.pop();
    found.push(point);
  }
  return found;
}

/** An SVG path into a box of this size, over the window that ends with the last point. */
export function pathOf(history: History, width: number, height: number): string {
  const last = history.at(-1);
  if (last === undefined) return "";
  const values = history.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const begin = Math.min(history[0]?.at ?? last.at, last.at - 1);
  const x = (at: number) => ((at - begin) / (last.at - begin)) * width;
  const y = (value: number) =>
    most === least ? height / 2 : height - ((value - least) / (most - least)) * height;
  return history
    .map(
      ({ at, value }, index) =>
        `${index === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`,
    )
    .join("");
}
