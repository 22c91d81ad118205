/** Versions as the hub compares them: by the numbers they begin with (`1.10.2-rc1` by 1, 10, 2). Pure. */

export function numbersOf(version: string): number[] | null {
  const found = /^v?(\d{1,9}(?:\.\d{1,9})*)/.exec(version);
  return found?.[1] === undefined ? null : found[1].split(".").map(Number);
}

export type Fit = "same" | "newer" | "older" | "unknown";

/** How `wanted` stands to the version that is `present`. */
export function fitOf(present: string | null, wanted: string): Fit {
  if (present === wanted) return "same";
  const before = present === null ? null : numbersOf(present);
  const after = numbersOf(wanted);
  if (before === null || after === null) return "unknown";
  const length = Math.max(before.length, after.length);
  for (let index = 0; index < length; index += 1) {
    const apart = (after[index] ?? 0) - (before[index] ?? 0);
    if (apart !== 0) return apart > 0 ? "newer" : "older";
  }
  return "unknown";
}
