/** The states of a command, and what each means for whoever looks at it. Pure. */

export const UNFINISHED = ["PENDING", "SENT", "ACKED", "RUNNING"] as const;
export const ENDED = [
  "SUCCESS",
  "FAILED",
  "REJECTED",
  "CANCELLED",
  "TIMEOUT",
  "EXPIRED",
  "UNKNOWN",
] as const;
export const STATES: readonly string[] = [...UNFINISHED, ...ENDED];

export function hasEnded(status: string): boolean {
  return (ENDED as readonly string[]).includes(status);
}

/** States only go forward. */
export function isLater(status: string, than: string): boolean {
  if (hasEnded(than)) return false;
  return hasEnded(status) || STATES.indexOf(status) > STATES.indexOf(than);
}

/** Whether the same command may be tried again: it did not work, and it is known that it did not. */
export function canBeRetried(status: string): boolean {
  return hasEnded(status) && status !== "SUCCESS";
}
