import { describe, expect, it } from "vitest";
import { device as anyDevice } from "../testing/device";
import type { LiveEvent } from "./frames";
import { type Device, fold, settle } from "./standing";

const HEARD = "2026-01-01T10:00:00.000Z";

const AGENT = { name: "scanner", ready: true, since: HEARD, detail: null };

const device = (part: Partial<Device> = {}): Device =>
  anyDevice({
    status: "OFFLINE",
    connected: false,
    generation: 3,
    metrics: { cpu: 1 },
    agents: [AGENT],
    lastSeen: "2026-01-01T09:00:00.000Z",
    ...part,
  });

const status = (part: object): LiveEvent => ({
  type: "status",
  deviceId: "edge-1",
  ts: "1999-01-01T00:00:00.000Z",
  epoch: "e1",
  offset: 1,
  status: "ONLINE",
  ...part,
});

const told = (record: Device, ...events: LiveEvent[]) => {
  const standing = events.reduce<ReturnType<typeof fold>>(
    (earlier, event) => fold(earlier, event, Date.parse(HEARD)),
    undefined,
  );
  return standing ? settle(record, standing) : record;
};

describe("a heartbeat", () => {
  it("brings status and metrics, and is a sign of life by the hub's clock", () => {
    const next = told(
      device({ connected: true }),
      status({ status: "DEGRADED", metrics: { cpu: 9 } }),
    );
    expect(next).toMatchObject({ status: "DEGRADED", metrics: { cpu: 9 }, lastSeen: HEARD });
    expect(next.connected).toBe(true);
  });

  it("without metrics keeps those that were known", () => {
    expect(told(device(), status({})).metrics).toEqual({ cpu: 1 });
  });
});

describe("what a device says of its programs", () => {
  it("stays until it says something else", () => {
    const broken = { ...AGENT, ready: false };
    expect(told(device(), status({})).agents).toEqual([AGENT]);
    expect(told(device(), status({ agents: [broken] }), status({})).agents).toEqual([broken]);
  });

  it("is nothing on a new line, and stays when a line closes", () => {
    const opened = status({ connected: true, generation: 4 });
    expect(told(device(), opened).agents).toEqual([]);
    expect(told(device(), opened, status({ agents: [AGENT] })).agents).toEqual([AGENT]);
    expect(told(device(), status({ connected: false, generation: 3 })).agents).toEqual([AGENT]);
  });
});

describe("a line that opens or closes", () => {
  it("says so with its generation", () => {
    const next = told(device(), status({ connected: true, generation: 4 }));
    expect(next).toMatchObject({ connected: true, generation: 4, status: "ONLINE" });
  });

  it("is no sign of life when it closes", () => {
    const next = told(device(), status({ status: "OFFLINE", connected: false, generation: 3 }));
    expect(next).toMatchObject({ connected: false, lastSeen: "2026-01-01T09:00:00.000Z" });
  });

  it("of an older generation changes nothing", () => {
    const record = device({ connected: true });
    const old = status({ status: "OFFLINE", connected: false, generation: 2 });
    expect(told(record, old)).toBe(record);
    const newer = status({ connected: true, generation: 5 });
    expect(told(record, newer, old)).toMatchObject({ connected: true, generation: 5 });
  });
});

describe("several at once", () => {
  it("leave the last word to the last, and nothing is lost", () => {
    const next = told(
      device(),
      status({ connected: true, generation: 4 }),
      status({ status: "ERROR", metrics: { cpu: 2 } }),
    );
    expect(next).toMatchObject({
      connected: true,
      generation: 4,
      status: "ERROR",
      metrics: { cpu: 2 },
    });
  });
});
