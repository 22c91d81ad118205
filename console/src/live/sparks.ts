/**
 * Short histories for sparklines: read for the rows that are seen, then kept up by what devices say.
 * Bounded: the histories that were looked at longest ago are forgotten.
 */
import { useEffect, useSyncExternalStore } from "react";
import { api, data } from "../api/client";
import { useDevice } from "./fleet";
import { type History, joined, type Point, WINDOW_MS } from "./history";
import { hubNow } from "./hubClock";

const STEP_SECONDS = 60;
const MOST_ASKED = 200;
const MOST_KEPT = 3000;
const SETTLE_MS = 120;
/** A history that ends longer ago was out of sight meanwhile, and is read again. */
const FRESH_MS = 120_000;

class SparkStore {
  private readonly histories = new Map<string, History>();
  private readonly watchers = new Map<string, Set<() => void>>();
  /** Metric → devices that wait to be read. */
  private readonly wanted = new Map<string, Set<string>>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  watch(key: string, watcher: () => void): () => void {
    const watchers = this.watchers.get(key) ?? new Set();
    this.watchers.set(key, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.watchers.delete(key);
    };
  }

  get(key: string): History | undefined {
    return this.histories.get(key);
  }

  /** A row has come into sight. */
  want(metric: string, deviceId: string): void {
    const last = this.histories.get(keyOf(metric, deviceId))?.at(-1);
    if (last !== undefined && hubNow() - last.at < FRESH_MS) return;
    const devices = this.wanted.get(metric) ?? new Set();
    this.wanted.set(metric, devices.add(deviceId));
    // While one scrolls, rows that rush by are not asked for.
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.read(), SETTLE_MS);
  }

  /** It is out of sight again. */
  leave(metric: string, deviceId: string): void {
    this.wanted.get(metric)?.delete(deviceId);
  }

  add(metric: string, deviceId: string, value: number): void {
    const key = keyOf(metric, deviceId);
    const known = this.histories.get(key);
    if (known === undefined) return;
    this.set(key, joined(known, [{ at: hubNow(), value }]));
  }

  private async read(): Promise<void> {
    const asked = [...this.wanted].map(([metric, devices]) => [metric, [...devices]] as const);
    this.wanted.clear();
    await Promise.all(
      asked.flatMap(([metric, devices]) => chunks(devices).map(ids => this.readSome(metric, ids))),
    );
  }

  private async readSome(metric: string, ids: readonly string[]): Promise<void> {
    const since = new Date(hubNow() - WINDOW_MS).toISOString();
    const query = { name: metric, deviceIds: ids.join(","), since, step: STEP_SECONDS };
    // A sparkline is an ornament: without its history it begins with what comes live.
    const found = await data(api.GET("/api/v1/fleet/metrics", { params: { query } })).catch(
      () => null,
    );
    for (const id of ids) {
      const points = (found?.[id] ?? []).map(({ ts, avg }) => ({ at: Date.parse(ts), value: avg }));
      const key = keyOf(metric, id);
      this.set(key, joined(points.sort(byTime), this.histories.get(key) ?? []));
    }
  }

  private set(key: string, history: History): void {
    this.histories.delete(key); // so that it counts as the newest
    this.histories.set(key, history);
    for (const oldest of this.histories.keys()) {
      if (this.histories.size <= MOST_KEPT) break;
      this.histories.delete(oldest);
    }
    for (const watcher of this.watchers.get(key) ?? []) watcher();
  }
}

function byTime(a: Point, b: Point): number {
  return a.at - b.at;
}

function keyOf(metric: string, deviceId: string): string {
  return `${metric}\n${deviceId}`;
}

function chunks(ids: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < ids.length; at += MOST_ASKED) found.push(ids.slice(at, at + MOST_ASKED));
  return found;
}

const sparks = new SparkStore();

/** The last hour of a metric of a device, live while the component is there. */
export function useHistory(metric: string, deviceId: string): History | undefined {
  const device = useDevice(deviceId);
  const metrics = device?.metrics;
  const key = keyOf(metric, deviceId);
  useEffect(() => {
    sparks.want(metric, deviceId);
    return () => sparks.leave(metric, deviceId);
  }, [metric, deviceId]);
  useEffect(() => {
    const value = metrics?.[metric];
    if (value !== undefined) sparks.add(metric, deviceId, value);
  }, [metrics, metric, deviceId]);
  return useSyncExternalStore(
    watcher => sparks.watch(key, watcher),
    () => sparks.get(key),
  );
}
