/** How what a device said live changes its record. Pure. */
import type { Schemas } from "../api/client";
import type { LiveEvent } from "./frames";

export type Device = Schemas["Device"];

/** What one or more `status` events leave to be applied, in their order. */
export type Standing = {
  status: string;
  /** Milliseconds of the hub's clock when it was heard: a device's own clock may be anywhere. */
  heardAt: number;
  metrics?: Record<string, number>;
  agents?: Device["agents"];
  connected?: boolean;
  generation?: number;
};

/** What is left of `earlier` and then `event`; an event of an older line changes nothing. */
export function fold(
  earlier: Standing | undefined,
  event: LiveEvent,
  heardAt: number,
): Standing | undefined {
  const { status, metrics, agents, connected, generation } = event as LiveEvent & Standing;
  if (isOlder(generation, earlier?.generation)) return earlier;
  const next: Standing = { ...earlier, status, heardAt };
  if (metrics !== undefined) next.metrics = metrics;
  if (agents !== undefined) next.agents = agents;
  else if (connected) next.agents = []; // on a new line it has said nothing yet
  if (connected !== undefined) next.connected = connected;
  if (generation !== undefined) next.generation = generation;
  return next;
}

/** The record after it; the same object when the record is of a newer line. */
export function settle(device: Device, standing: Standing): Device {
  if (isOlder(standing.generation, device.generation ?? undefined)) return device;
  return {
    ...device,
    status: standing.status,
    connected: standing.connected ?? device.connected,
    generation: standing.generation ?? device.generation,
    metrics: standing.metrics ?? device.metrics,
    agents: standing.agents ?? device.agents,
    // A line that closes is no sign of life.
    lastSeen: standing.connected === false ? device.lastSeen : isoOf(standing.heardAt),
  };
}

function isOlder(generation: number | undefined, than: number | undefined): boolean {
  return generation !== undefined && than !== undefined && generation < than;
}

function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
