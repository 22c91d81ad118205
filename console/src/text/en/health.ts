import { common } from "./common";

const { plural } = common;
const count = (value: number) => value.toLocaleString("en");

export const health = {
  totals: {
    devices: "Devices",
    connected: "Connected",
    unfinishedCommands: "Unfinished commands",
    cloudQueue: "Waiting for the cloud",
    events: "Events per second",
    commands: "Commands per second",
  },
  ofDevices: (share: number) => `${share} % of all`,
  well: "Everything is well.",
  replicas: (value: number) => plural(value, "replica", "replicas"),
  replica: "Replica",
  version: (version: string) => `version ${version}`,
  started: "started",
  seen: "seen",
  states: {
    ok: "Well",
    draining: "Draining",
    silent: "Silent",
    new: "Starting",
    bad: "In trouble",
  },
  noFigures: "It has told nothing of itself yet. Figures come within three seconds of its start.",
  charts: {
    eventsPerSecond: "Events/s",
    commandsPerSecond: "Commands/s",
    cpuPercent: "Processor",
    latencyMs: "Database",
  },
  percent: (value: number) => `${value} %`,
  milliseconds: (value: number) => `${value} ms`,
  chart: (name: string, value: string, minutes: number) =>
    `${name}: ${value} now; the last ${minutes} minutes as a line`,
  figures: {
    lines: "Lines",
    dashboards: "Dashboards",
    refusals: "Refusals/s",
    errors: "Errors/s",
    eventQueue: "Event queue",
    streamQueue: "Stream queue",
    batchQueue: "Batch queue",
    streamLag: "Stream lag",
    noLag: "nobody watches",
    pool: "Connections",
    poolOf: (busy: number, most: number) => `${busy} of ${most} busy`,
    redis: "Redis",
    redisStates: { ok: "Well", away: "Away" },
    memory: "Memory",
  },
  advice: {
    title: "What needs attention",
    silent: (id: string, seconds: number) =>
      `${id} has not been heard of for ${seconds} s. It stands still or is gone; its devices come back on another replica. Look at its log and at its machine.`,
    draining: (id: string) =>
      `${id} is draining: its devices go to other replicas. It ends by itself.`,
    redis: (id: string) =>
      `${id} cannot reach Redis. Commands go on, and dashboards see the events of one replica only. Check the address and the memory of Redis.`,
    latency: (id: string, value: number) =>
      `Postgres answers ${id} in ${value} ms. Above 100 ms everything waits: check its disk, its load, and long queries.`,
    pool: (id: string) =>
      `All database connections of ${id} are busy. Raise LONGLINE_DATABASE_CONNECTIONS, or add a replica.`,
    events: (id: string, value: number) =>
      `${count(value)} events wait for Postgres on ${id}. If it grows, Postgres is the limit: look at its disk first, and at what devices send.`,
    stream: (id: string, value: number) =>
      `${count(value)} events wait for Redis on ${id}. Dashboards lag behind.`,
    lag: (id: string, value: number) =>
      `Dashboards on ${id} are ${count(value)} events behind. Fewer dashboards, or narrower filters, help.`,
    refusals: (id: string, value: number) =>
      `${id} sends away ${value} requests or sockets a second: it is overloaded or draining. Add a replica if it stays.`,
    errors: (id: string, value: number) =>
      `${id} counts ${value} errors a second: failed requests, frames that did not decode, or events given up. Its log says which.`,
    cpu: (id: string, value: number) =>
      `${id} uses ${value} % of a processor. A replica uses one: add a replica before it stays at 100 %.`,
    dead: (value: number) =>
      `The cloud has refused ${plural(value, "record", "records")}. See below why, mend it, then try again.`,
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
    seconds: (value: number) =>
      value < 120 ? `${Math.round(value)} s` : plural(Math.round(value / 60), "minute", "minutes"),
    deadTitle: "Dead letters",
    deadHint:
      "Records that the cloud refused. Others of their company go on. Mend the cause, then try again.",
    record: "Record",
    kind: "Kind",
    company: "Company",
    device: "Device",
    error: "Why",
    attempts: "Attempts",
    failed: "Refused",
    retry: "Try again",
    retryOne: (id: string) => `Try again: ${id}`,
    retryAll: (value: number) => `Try all ${count(value)} again`,
    retried: (value: number) => `${plural(value, "record", "records")} put back into the queue.`,
    open: (id: string) => `Data of ${id}`,
    admins: "Administrators see what was refused, and why.",
  },
};
