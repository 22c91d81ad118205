import { lasting, number, percent } from "../format";
import { common } from "./common";

const { plural } = common;

export const health = {
  totals: {
    devices: "Devices",
    connected: "Connected",
    unfinishedCommands: "Unfinished commands",
    cloudQueue: "Waiting for the cloud",
    events: "Events per second",
    commands: "Commands per second",
  },
  ofDevices: (share: number) => `${percent(share)} of all`,
  well: "The hub is healthy: its replicas and the queue to the cloud.",
  wellWithoutCloud: "The hub's replicas are healthy. The queue to the cloud is not known.",
  fleet: {
    title: "What the fleet needs",
    well: (connected: number, total: number) =>
      `The fleet is well: ${number(connected)} of ${plural(total, "device", "devices")} connected, none in error, no command stuck, no deployment failing.`,
    empty: "The fleet has no devices yet.",
    none: (total: number) =>
      total === 1
        ? "The only device is not connected."
        : `None of ${plural(total, "device", "devices")} is connected.`,
    error: (value: number) => `${plural(value, "device is", "devices are")} in error.`,
    together: (value: number, at: string) =>
      `${plural(value, "device", "devices")} fell silent within a minute, at ${at}: look for a common cause.`,
    stuck: (value: number, status: string) =>
      `${plural(value, "command has", "commands have")} been under way for more than 15 minutes (${status}).`,
    deployment: (name: string, failed: number) =>
      failed === 0
        ? `The deployment of ${name} was stopped.`
        : `The deployment of ${name} fails: ${plural(failed, "device", "devices")} so far.`,
  },
  replicas: (value: number) => plural(value, "replica", "replicas"),
  replica: "Replica",
  version: (version: string) => `version ${version}`,
  started: "started",
  seen: "last seen",
  states: {
    ok: "Healthy",
    draining: "Draining",
    silent: "Not responding",
    new: "Starting",
    bad: "Needs attention",
  },
  noFigures: "It has reported no figures yet. They come within three seconds of its start.",
  charts: {
    eventsPerSecond: "Events/s",
    commandsPerSecond: "Commands/s",
    cpuPercent: "CPU",
    latencyMs: "Database",
  },
  milliseconds: (value: number) => `${value} ms`,
  chart: (name: string, value: string, minutes: number) =>
    `${name}: ${value} now; the last ${minutes} minutes as a line`,
  figures: {
    lines: "Device connections",
    dashboards: "Dashboards",
    refusals: "Refusals/s",
    errors: "Errors/s",
    eventQueue: "Event queue",
    streamQueue: "Stream queue",
    batchQueue: "Batch queue",
    streamLag: "Stream lag",
    noLag: "nobody watches",
    pool: "Database pool",
    poolOf: (busy: number, most: number) => `${busy} of ${most} busy`,
    redis: "Redis",
    redisStates: { ok: "Connected", away: "Unreachable" },
    memory: "Memory",
    hotPath: "Hot path",
    hotPaths: { compiled: "Compiled", python: "Python" },
  },
  advice: {
    title: "What needs attention",
    silent: (id: string, seconds: number) =>
      `${id} has not reported for ${seconds} s. It hangs or has stopped; its devices reconnect to another replica. Look at its log and at its machine.`,
    draining: (id: string) =>
      `${id} is draining: its devices go to other replicas. It ends by itself.`,
    redis: (id: string) =>
      `${id} cannot reach Redis. Commands go on, and dashboards see the events of one replica only. Check the address and the memory of Redis.`,
    login: (name: string) =>
      `The hub is signed in to Postgres as ${name}, who may do more there than a hub needs: run programs, or read other databases. Give the hub a login of its own, a member of longline_hub.`,
    latency: (id: string, value: number) =>
      `Postgres answers ${id} in ${value} ms. Above 100 ms everything waits: check its disk, its load, and long queries.`,
    pool: (id: string) =>
      `All database connections of ${id} are busy. Raise LONGLINE_DATABASE_CONNECTIONS, or add a replica.`,
    events: (id: string, value: number) =>
      `${number(value)} events wait for Postgres on ${id}. If it grows, Postgres is the limit: look at its disk first, and at what devices send.`,
    stream: (id: string, value: number) =>
      `${number(value)} events wait for Redis on ${id}. Dashboards lag behind.`,
    lag: (id: string, value: number) =>
      `Dashboards on ${id} are ${number(value)} events behind. Fewer dashboards, or narrower filters, help.`,
    refusals: (id: string, value: number) =>
      `${id} refuses ${value} requests or connections a second: it is overloaded or draining. Add a replica if it stays.`,
    errors: (id: string, value: number) =>
      `${id} counts ${value} errors a second: failed requests, frames that did not decode, or events given up. Its log says which.`,
    cpu: (id: string, value: number) =>
      `${id} uses ${value} % of a processor. A replica uses one: add a replica before it stays at 100 %.`,
    unsealed: (value: number) =>
      `${plural(value, "row", "rows")} of the audit ${value === 1 ? "is" : "are"} not in its chain after a minute. A transaction that stays open may hold them back: look at the longest of Postgres, and at the log of the hub for audit_seal.`,
    anchor: (error: string) =>
      `The anchor of the audit cannot be written: ${error}. Look at the file of LONGLINE_AUDIT_ANCHOR; commands go on.`,
    dead: (value: number) =>
      `The cloud has refused ${plural(value, "record", "records")}. See below why, fix the cause, then try again.`,
    oldest: (minutes: number) =>
      `Records have been waiting for the cloud for ${plural(minutes, "minute", "minutes")}. See below what is wrong.`,
  },
  cloud: {
    title: "Cloud queue",
    pending: "Waiting",
    dead: "Refused",
    oldest: "Oldest waits",
    lastError: "What is wrong now",
    nothing: "Nothing waits, nothing was refused.",
    seconds: (value: number) => lasting(1000 * value),
    deadTitle: "Dead letters",
    deadHint:
      "Records that the cloud refused. Others of their company go on. Fix the cause, then try again.",
    record: "Record",
    kind: "Kind",
    company: "Company",
    device: "Device",
    error: "Why",
    attempts: "Attempts",
    failed: "Refused",
    retry: "Try again",
    retryOne: (id: string) => `Try again: ${id}`,
    retryAll: (value: number) => `Try all ${number(value)} again`,
    retried: (value: number) => `${plural(value, "record", "records")} put back into the queue.`,
    open: (id: string) => `Data of ${id}`,
    admins: "Administrators see what was refused, and why.",
  },
};
