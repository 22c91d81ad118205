/** Versions as the hub compares them: by the numbers they begin with (`1.10.2-rc1` by 1, 10, 2). Pure. */

/** The type of a release that is the agent itself. */
export const AGENT = "agent";

type Having = {
  version: string | null;
  versions: Record<string, string>;
  installers: string[] | null;
};

/** What a device has of this type; of one that says nothing of types, its agent counts. */
export function versionOf({ version, versions, installers }: Having, type: string): string | null {
  return type === AGENT || installers === null ? version : (versions[type] ?? null);
}

/** Whether a device installs software of this type, as far as it says. */
export function installs({ installers }: Having, type: string): boolean {
  return installers === null || installers.includes(type);
}

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
