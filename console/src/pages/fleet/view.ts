/** Which devices are shown, and in which order. Pure. */
import type { Device } from "../../live/standing";
import { inOrder } from "../../text/format";
import type { FleetSearch } from "./search";

/** Whether a device is among those that the address asks for. */
export function matcher(search: FleetSearch): (device: Device) => boolean {
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return device =>
    (search.status === undefined || device.status === search.status) &&
    (search.connected === undefined || device.connected === search.connected) &&
    (search.group === undefined || device.groupIds.includes(search.group)) &&
    (search.tag === undefined || device.tags.includes(search.tag)) &&
    (search.version === undefined || device.version === search.version) &&
    (words.length === 0 || holds(device, words));
}

function holds(device: Device, words: readonly string[]): boolean {
  const text = `${device.id}\n${device.name}\n${device.tags.join("\n")}`.toLowerCase();
  return words.every(word => text.includes(word));
}

/** Worst first: what an operator should see. */
const SEVERITY = ["ERROR", "DEGRADED", "DISABLED", "OFFLINE", "ONLINE"];

type Key = string | number | null;

function keyOf(column: string): (device: Device) => Key {
  if (column.startsWith("metric:")) {
    const name = column.slice("metric:".length);
    return device => device.metrics[name] ?? null;
  }
  switch (column) {
    case "status":
      return device => SEVERITY.indexOf(device.status);
    case "lastSeen":
      return device => (device.lastSeen === null ? null : Date.parse(device.lastSeen));
    case "version":
      return device => device.version;
    case "created":
      return device => Date.parse(device.createdAt);
    default:
      return device => device.name;
  }
}

function compare(a: Key, b: Key): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return inOrder(String(a), String(b));
}

/** The ids in the order that is asked for; without one by name. Devices without a value come last. */
export function arrange(devices: Iterable<Device>, search: FleetSearch): string[] {
  const isShown = matcher(search);
  const sort = search.sort ?? "name";
  const direction = sort.startsWith("-") ? -1 : 1;
  const key = keyOf(sort.replace(/^-/, ""));
  const rows: { id: string; key: Key; name: string }[] = [];
  for (const device of devices) {
    if (isShown(device)) rows.push({ id: device.id, key: key(device), name: device.name });
  }
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    return direction * compare(a.key, b.key) || inOrder(a.name, b.name);
  });
  return rows.map(({ id }) => id);
}

/** Whether what devices say live can change who is shown, or in which order. */
export function isLiveView({ status, connected, sort }: FleetSearch): boolean {
  const column = sort?.replace(/^-/, "") ?? "name";
  return (
    status !== undefined ||
    connected !== undefined ||
    column === "status" ||
    column === "lastSeen" ||
    column.startsWith("metric:")
  );
}

export type Facets = {
  tags: ReadonlyMap<string, number>;
  versions: ReadonlyMap<string, number>;
  metrics: readonly string[];
};

/** What there is to filter by, and how often; the most frequent first. */
export function facetsOf(devices: Iterable<Device>): Facets {
  const tags = new Map<string, number>();
  const versions = new Map<string, number>();
  const metrics = new Map<string, number>();
  for (const device of devices) {
    for (const tag of device.tags) count(tags, tag);
    if (device.version !== null) count(versions, device.version);
    for (const metric of Object.keys(device.metrics)) count(metrics, metric);
  }
  return {
    tags: ordered(tags),
    versions: ordered(versions),
    metrics: [...ordered(metrics).keys()],
  };
}

function count(counts: Map<string, number>, value: string): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

function ordered(counts: Map<string, number>): Map<string, number> {
  return new Map([...counts].sort((a, b) => b[1] - a[1] || inOrder(a[0], b[0])));
}
