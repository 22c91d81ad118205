/** How far this browser's clock is from the hub's. Pure; milliseconds. */

/** Skews below this are within what a round trip hides. */
export const NOTICEABLE_MS = 5000;

/** What to add to the browser's clock to have the hub's; half the round trip is the answer's way. */
export function skewOf(serverTime: string, receivedAt: number, roundTripMs: number): number {
  return Date.parse(serverTime) + roundTripMs / 2 - receivedAt;
}

export function isNoticeable(skewMs: number): boolean {
  return Math.abs(skewMs) >= NOTICEABLE_MS;
}
