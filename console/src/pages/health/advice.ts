/** What needs somebody's attention, out of what replicas tell. Pure. */
import type { Schemas } from "../../api/client";

export type Health = Schemas["FleetHealth"];
export type Replica = Schemas["ReplicaHealth"];
export type CloudSync = Schemas["CloudSync"];

export type Advice =
  | { about: "silent" | "latency" | "events" | "stream" | "lag"; id: string; value: number }
  | { about: "refusals" | "errors" | "cpu"; id: string; value: number }
  | { about: "redis" | "pool" | "draining"; id: string }
  | { about: "dead" | "oldest" | "unsealed"; value: number }
  | { about: "login" | "anchor"; id: string };

/** A lease is nine seconds long. */
const SILENT_S = 10;
const SLOW_MS = 100;
const MANY = 1000;
const BUSY_PERCENT = 80;
const OLD_S = 300;

export type Standing = "ok" | "draining" | "silent" | "new" | "bad";

export function silentSeconds(replica: Replica, serverTime: string): number {
  return Math.round((Date.parse(serverTime) - Date.parse(replica.lastSeen)) / 1000);
}

export function standing(replica: Replica, serverTime: string): Standing {
  if (silentSeconds(replica, serverTime) >= SILENT_S) return "silent";
  if (replica.draining) return "draining";
  if (replica.figures === null) return "new";
  return adviceOn(replica, serverTime).length > 0 ? "bad" : "ok";
}

export function advice(health: Health, cloud: CloudSync | undefined): Advice[] {
  const found = health.replicas.flatMap(replica => adviceOn(replica, health.serverTime));
  if (cloud && cloud.deadLetters > 0) found.push({ about: "dead", value: cloud.deadLetters });
  const { name, rights } = health.databaseLogin;
  if (rights === "superuser" || rights === "server") found.push({ about: "login", id: name });
  const { unsealed, anchorError } = health.audit;
  if (unsealed > 0) found.push({ about: "unsealed", value: unsealed });
  if (anchorError !== null) found.push({ about: "anchor", id: anchorError });
  const oldest = cloud?.oldestPendingSeconds ?? 0;
  if (oldest >= OLD_S) found.push({ about: "oldest", value: Math.round(oldest / 60) });
  return found;
}

function adviceOn(replica: Replica, serverTime: string): Advice[] {
  const { id, figures, draining } = replica;
  const seconds = silentSeconds(replica, serverTime);
  // What it said before it fell silent is old.
  if (seconds >= SILENT_S) return [{ about: "silent", id, value: seconds }];
  const found: Advice[] = draining ? [{ about: "draining", id }] : [];
  if (figures === null) return found;
  const { database, queues, streamLag } = figures;
  const above = (
    about: Extract<Advice, { id: string; value: number }>["about"],
    value: number,
    most: number,
  ) => {
    if (value > most) found.push({ about, id, value });
  };
  if (figures.redis === "away") found.push({ about: "redis", id });
  if (database.busy >= database.most) found.push({ about: "pool", id });
  above("latency", database.latencyMs ?? 0, SLOW_MS);
  above("events", queues.events, MANY);
  above("stream", queues.stream, MANY);
  above("lag", streamLag ?? 0, MANY);
  if (!draining) above("refusals", figures.refusalsPerSecond, 0);
  above("errors", figures.errorsPerSecond, 0);
  above("cpu", figures.cpuPercent, BUSY_PERCENT);
  return found;
}
