/** What of the fleet needs somebody's attention. Pure. */
import type { Schemas } from "../../api/client";
import type { Device } from "../../live/standing";
import { isUnfinished } from "../../live/waves";

export type FleetAdvice =
  | { about: "none"; value: number }
  | { about: "error"; value: number }
  | { about: "together"; value: number; at: string }
  | { about: "stuck"; value: number; status: string }
  | { about: "deployment"; id: string; name: string; value: number };

type Command = Pick<Schemas["CommandRecord"], "status">;
type Deployment = Schemas["Deployment"];

/** A command that was handed over this long ago and has not ended is stuck. */
export const STUCK_MS = 15 * 60_000;
/** States of a command that a device has, or should have. */
export const UNDER_WAY = ["SENT", "ACKED", "RUNNING"] as const;
/** So many that fell silent within a minute of each other have a common cause. */
const TOGETHER = 3;
const TOGETHER_MS = 60_000;
/** What happened longer ago is known by now. */
const RECENT_MS = 24 * 3_600_000;

export function connectedOf(devices: Iterable<Device>): { total: number; connected: number } {
  const all = [...devices];
  return { total: all.length, connected: all.filter(({ connected }) => connected).length };
}

/** `stuck`: commands under way since before `STUCK_MS`; `now` is the hub's, in milliseconds. */
export function fleetAdvice(
  devices: Iterable<Device>,
  stuck: readonly Command[],
  deployments: readonly Deployment[],
  now: number,
): FleetAdvice[] {
  const all = [...devices];
  return [
    ...onDevices(all, now),
    ...UNDER_WAY.flatMap(status => {
      const value = stuck.filter(command => command.status === status).length;
      return value > 0 ? [{ about: "stuck" as const, value, status }] : [];
    }),
    ...deployments.filter(one => isFailing(one, now)).map(toDeployment),
  ];
}

function onDevices(all: readonly Device[], now: number): FleetAdvice[] {
  const found: FleetAdvice[] = [];
  const away = all.filter(({ connected, disabled }) => !connected && !disabled);
  if (all.length > 0 && all.every(({ connected }) => !connected)) {
    found.push({ about: "none", value: all.length });
  }
  const errors = all.filter(({ status }) => status === "ERROR").length;
  if (errors > 0) found.push({ about: "error", value: errors });
  const lost = lostTogether(away, now);
  if (lost !== null) found.push({ about: "together", ...lost });
  return found;
}

/** The largest number of devices that were last heard within one minute, of those of the last day. */
function lostTogether(away: readonly Device[], now: number): { value: number; at: string } | null {
  const times = away
    .map(({ lastSeen }) => (lastSeen === null ? Number.NaN : Date.parse(lastSeen)))
    .filter(at => now - at <= RECENT_MS)
    .sort((a, b) => a - b);
  let most = 0;
  let at = 0;
  let first = 0;
  times.forEach((time, index) => {
    while (time - (times[first] ?? time) > TOGETHER_MS) first += 1;
    if (index - first + 1 > most) {
      most = index - first + 1;
      at = time;
    }
  });
  return most >= TOGETHER ? { value: most, at: new Date(at).toISOString() } : null;
}

/** It goes on though devices have failed, it was stopped, or it has failed within the last day. */
function isFailing({ status, stoppedBecause, counts, finishedAt }: Deployment, now: number) {
  if (isUnfinished(status)) return stoppedBecause !== null || counts.failed > 0;
  return status === "FAILED" && finishedAt !== null && now - Date.parse(finishedAt) <= RECENT_MS;
}

function toDeployment({ id, version, releaseId, counts }: Deployment): FleetAdvice {
  return { about: "deployment", id, name: version ?? releaseId, value: counts.failed };
}
