// @vitest-environment node
import { expect, it } from "vitest";
import { advice, type Health, type Replica, standing } from "./advice";

const NOW = "2026-01-02T00:00:10.000Z";
const FIGURES = {
  lines: 5,
  dashboards: 1,
  eventsPerSecond: 3,
  commandsPerSecond: 0,
  refusalsPerSecond: 0,
  errorsPerSecond: 0,
  queues: { events: 0, stream: 0, batches: 0 },
  streamLag: null,
  database: { connections: 3, busy: 0, most: 10, latencyMs: 2 },
  redis: "ok" as const,
  memoryBytes: 1e8,
  cpuPercent: 5,
  hotPath: "compiled" as const,
};

const replica = (part: Partial<Replica> = {}): Replica => ({
  id: "r1",
  address: "a",
  version: "1",
  startedAt: NOW,
  lastSeen: "2026-01-02T00:00:08.000Z",
  draining: false,
  figures: FIGURES,
  ...part,
});

const health = (...replicas: Replica[]): Health => ({
  serverTime: NOW,
  replicas,
  totals: { devices: 1, connected: 1, unfinishedCommands: 0, cloudQueue: 0 },
  databaseLogin: { name: "longline_server", rights: "hub", organisations: "role" },
  audit: { unsealed: 0, anchorError: null },
});

const about = (part: object) =>
  advice(health(replica({ figures: { ...FIGURES, ...part } })), undefined).map(one => one.about);

it("has nothing to say when all is well", () => {
  expect(advice(health(replica()), undefined)).toEqual([]);
  expect(standing(replica(), NOW)).toBe("ok");
});

it.each([
  ["owner", []],
  ["server", [{ about: "login", id: "postgres" }]],
  ["superuser", [{ about: "login", id: "postgres" }]],
] as const)("sees a login of the database that is %s", (rights, what) => {
  const databaseLogin = { name: "postgres", rights, organisations: "role" as const };
  expect(advice({ ...health(replica()), databaseLogin }, undefined)).toEqual(what);
});

it("sees an audit without its seals or its anchor", () => {
  const audit = { unsealed: 3, anchorError: "No space left on device" };
  expect(advice({ ...health(replica()), audit }, undefined)).toEqual([
    { about: "unsealed", value: 3 },
    { about: "anchor", id: "No space left on device" },
  ]);
});

it.each([
  [{ redis: "away" }, "redis"],
  [{ database: { ...FIGURES.database, busy: 10 } }, "pool"],
  [{ database: { ...FIGURES.database, latencyMs: 101 } }, "latency"],
  [{ queues: { events: 1001, stream: 0, batches: 0 } }, "events"],
  [{ queues: { events: 0, stream: 1001, batches: 0 } }, "stream"],
  [{ streamLag: 1001 }, "lag"],
  [{ refusalsPerSecond: 0.3 }, "refusals"],
  [{ errorsPerSecond: 0.3 }, "errors"],
  [{ cpuPercent: 81 }, "cpu"],
])("sees %o", (part, what) => {
  expect(about(part)).toEqual([what]);
  expect(standing(replica({ figures: { ...FIGURES, ...part } as typeof FIGURES }), NOW)).toBe(
    "bad",
  );
});

it("says of a silent replica that alone", () => {
  const silent = replica({
    lastSeen: "2026-01-01T23:59:55.000Z",
    figures: { ...FIGURES, redis: "away" },
  });
  expect(advice(health(silent), undefined)).toEqual([{ about: "silent", id: "r1", value: 15 }]);
  expect(standing(silent, NOW)).toBe("silent");
});

it("expects refusals of a replica that drains", () => {
  const draining = replica({ draining: true, figures: { ...FIGURES, refusalsPerSecond: 9 } });
  expect(advice(health(draining), undefined)).toEqual([{ about: "draining", id: "r1" }]);
  expect(standing(draining, NOW)).toBe("draining");
  expect(standing(replica({ figures: null }), NOW)).toBe("new");
});

it("sees what the cloud refused and what waits too long", () => {
  const cloud = { pending: 5, deadLetters: 2, oldestPendingSeconds: 600, lastError: "x" };
  expect(advice(health(), cloud)).toEqual([
    { about: "dead", value: 2 },
    { about: "oldest", value: 10 },
  ]);
});
