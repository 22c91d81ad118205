import type { Device } from "../live/standing";

/** A connected device with nothing special. */
export function device(part: Partial<Device> = {}): Device {
  return {
    id: "edge-1",
    name: "Edge 1",
    status: "ONLINE",
    connected: true,
    replicaId: null,
    generation: 1,
    connectionMode: "VIA_LOCAL_SERVER",
    version: "1.0",
    versions: {},
    installers: null,
    barred: [],
    unsigned: null,
    updateSource: null,
    companyId: null,
    productionLineId: null,
    tags: [],
    labels: {},
    timezone: "UTC",
    ownTimezone: null,
    groupIds: [],
    disabled: false,
    quarantine: null,
    metrics: {},
    agents: [],
    lastSeen: null,
    createdAt: "2026-01-01T00:00:00.000Z",
    wanted: { production: { enabled: true, reason: null }, mode: "VIA_LOCAL_SERVER" },
    taken: { production: null, mode: null },
    ...part,
  };
}
