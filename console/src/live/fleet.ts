/**
 * Every device: a snapshot over REST, and what the devices say live, applied once per animation
 * frame. A component watches one device (`useDevice`) or the whole (`useFleet`).
 */
import { useCallback, useSyncExternalStore } from "react";
import { api, data, page } from "../api/client";
import { Problem, unreachable } from "../api/problem";
import type { LiveEvent } from "./frames";
import { onceMissed } from "./freshness";
import { hubNow } from "./hubClock";
import { Lookups } from "./records";
import { live } from "./socket";
import { type Device, fold, type Standing, settle } from "./standing";

export type Fleet = {
  devices: ReadonlyMap<string, Device>;
  /** Rises with every change of any device. */
  version: number;
  /** Rises when devices come or go, or change in more than what they say live. */
  roster: number;
  loading: boolean;
  /** Whether all of it was read, once at least: until then nobody can say how the fleet is. */
  whole: boolean;
  /** How many the load under way has brought. */
  loaded: number;
  problem: Problem | null;
};

const PAGE = 500;
const LOOK_MS = 500;
/** The first load follows the subscription, so that nothing falls between; it waits this long. */
const LIVE_WAIT_MS = 1500;
/** When a record could not be read, it is tried again. */
const AGAIN_MS = 5000;

class FleetStore {
  private devices = new Map<string, Device>();
  private state: Fleet = {
    devices: this.devices,
    version: 0,
    roster: 0,
    loading: false,
    whole: false,
    loaded: 0,
    problem: null,
  };
  private readonly watchers = new Set<() => void>();
  private readonly watchersOf = new Map<string, Set<() => void>>();
  private readonly pending = new Map<string, Standing>();
  /** What came while a load is under way: its pages may be older. */
  private meanwhile: Map<string, Standing> | null = null;
  private readonly lookups = new Lookups();
  /** Groups that have changed: of one that is deleted no device is a member. */
  private readonly groups = new Set<string>();
  private frame = 0;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | null = null;
  private unsubscribe: (() => void) | null = null;

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  readonly current = () => this.state;

  watchDevice(id: string, watcher: () => void): () => void {
    const watchers = this.watchersOf.get(id) ?? new Set();
    this.watchersOf.set(id, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.watchersOf.delete(id);
    };
  }

  device(id: string): Device | undefined {
    return this.devices.get(id);
  }

  /** With the sign-in. */
  start(): void {
    this.unsubscribe ??= live.subscribe(
      { types: ["status", "record_changed"] },
      {
        onEvent: event =>
          event.type === "record_changed" ? this.changed(event) : this.heard(event),
        ...onceMissed(() => void this.load()),
      },
    );
    this.change({ loading: true });
    this.waiting = setTimeout(() => void this.load(), LIVE_WAIT_MS);
  }

  /** With the sign-out: nothing is kept. */
  stop(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
    this.running?.abort();
    this.running = null;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.looking);
    clearTimeout(this.waiting);
    this.frame = 0;
    this.looking = undefined;
    this.pending.clear();
    this.lookups.clear();
    this.groups.clear();
    this.devices = new Map();
    this.change(
      { devices: this.devices, loading: false, whole: false, loaded: 0, problem: null },
      true,
    );
  }

  /** Everything anew, page by page; what is shown stays until its newer record is there. */
  async load(): Promise<void> {
    clearTimeout(this.waiting);
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.meanwhile = new Map();
    this.change({ loading: true, loaded: 0, problem: null });
    try {
      await this.loadPages(running.signal);
    } catch (error) {
      if (running.signal.aborted) return;
      this.change({ problem: error instanceof Problem ? error : unreachable(error) });
    }
    if (running.signal.aborted) return;
    this.meanwhile = null;
    this.change({ loading: false });
  }

  /** Puts in what a call has answered. */
  put(...devices: Device[]): void {
    for (const device of devices) this.devices.set(device.id, device);
    this.change(
      {},
      true,
      devices.map(({ id }) => id),
    );
  }

  remove(id: string): void {
    if (this.devices.delete(id)) this.change({}, true, [id]);
  }

  private async loadPages(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let cursor: string | null = null;
    do {
      const query: { limit: number; cursor?: string } = { limit: PAGE };
      if (cursor !== null) query.cursor = cursor;
      const found: { items: Device[]; next: string | null } = await page(
        api.GET("/api/v1/devices", { params: { query }, signal }),
      );
      if (signal.aborted) return;
      for (const device of found.items) {
        const since = this.meanwhile?.get(device.id);
        seen.add(device.id);
        this.devices.set(device.id, since ? settle(device, since) : device);
      }
      cursor = found.next;
      this.change(
        { loaded: seen.size },
        true,
        found.items.map(({ id }) => id),
      );
    } while (cursor !== null);
    const gone = [...this.devices.keys()].filter(id => !seen.has(id) && !this.meanwhile?.has(id));
    for (const id of gone) this.devices.delete(id);
    this.change({ whole: true }, gone.length > 0, gone);
  }

  private heard(event: LiveEvent): void {
    const standing = fold(this.pending.get(event.deviceId), event, hubNow());
    if (standing === undefined) return;
    this.pending.set(event.deviceId, standing);
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.apply());
  }

  private apply(): void {
    this.frame = 0;
    const changed: string[] = [];
    let roster = false;
    for (const [id, standing] of this.pending) {
      this.meanwhile?.set(id, standing);
      const device = this.devices.get(id);
      // A new line may come with another version.
      if (device === undefined || standing.connected === true) this.lookAt(id);
      if (device === undefined) continue;
      const next = settle(device, standing);
      if (next === device) continue;
      this.devices.set(id, next);
      changed.push(id);
      // Another set of metrics is another set of columns.
      roster ||= countOf(next.metrics) !== countOf(device.metrics);
    }
    this.pending.clear();
    if (changed.length > 0) this.change({}, roster, changed);
  }

  private changed({ kind, id, deviceId }: LiveEvent): void {
    if (kind === "device") this.lookAt(deviceId);
    if (kind !== "group") return;
    this.groups.add(String(id));
    this.soon();
  }

  private lookAt(...ids: readonly string[]): void {
    this.lookups.add(...ids);
    this.soon();
  }

  private soon(after = LOOK_MS): void {
    this.looking ??= setTimeout(() => void this.look(), after);
  }

  private async look(): Promise<void> {
    this.looking = undefined;
    const groups = [...this.groups];
    this.groups.clear();
    const wanted = this.lookups.take(this.state.loading);
    await Promise.all([
      ...groups.map(id => this.lookAtGroup(id)),
      wanted === "later" ? this.soon() : wanted?.list ? this.load() : this.lookAtEach(wanted?.ids),
    ]);
  }

  private async lookAtEach(ids: readonly string[] = []): Promise<void> {
    const subscribed = this.unsubscribe;
    const found: Device[] = [];
    const failed: string[] = [];
    const read = async (id: string) => {
      try {
        found.push(await data(api.GET("/api/v1/devices/{id}", { params: { path: { id } } })));
      } catch (error) {
        if (this.unsubscribe !== subscribed) return;
        if (isGone(error)) this.remove(id);
        else failed.push(id);
      }
    };
    await Promise.all(ids.map(read));
    if (this.unsubscribe !== subscribed) return;
    if (found.length > 0) this.put(...found);
    if (failed.length === 0) return;
    this.lookups.add(...failed);
    this.soon(AGAIN_MS);
  }

  /** A deleted group leaves no trace in its members' records but this. */
  private async lookAtGroup(id: string): Promise<void> {
    const members = [...this.devices.values()].filter(({ groupIds }) => groupIds.includes(id));
    if (members.length === 0) return;
    const subscribed = this.unsubscribe;
    try {
      await data(api.GET("/api/v1/device-groups/{id}", { params: { path: { id } } }));
    } catch (error) {
      if (this.unsubscribe !== subscribed) return;
      if (isGone(error)) this.leave(id);
      else {
        this.groups.add(id);
        this.soon(AGAIN_MS);
      }
    }
  }

  private leave(groupId: string): void {
    const members = [...this.devices.values()].filter(({ groupIds }) => groupIds.includes(groupId));
    const without = (ids: readonly string[]) => ids.filter(id => id !== groupId);
    this.put(...members.map(device => ({ ...device, groupIds: without(device.groupIds) })));
  }

  private change(part: Partial<Fleet>, roster = false, ids: readonly string[] = []): void {
    const { version, roster: counted } = this.state;
    this.state = {
      ...this.state,
      ...part,
      version: version + 1,
      roster: roster ? counted + 1 : counted,
    };
    for (const id of ids) for (const watcher of this.watchersOf.get(id) ?? []) watcher();
    for (const watcher of this.watchers) watcher();
  }
}

function countOf(metrics: Device["metrics"]): number {
  return Object.keys(metrics).length;
}

function isGone(error: unknown): boolean {
  return error instanceof Problem && error.status === 404;
}

export const fleet = new FleetStore();

/** Something of the whole, and its changes: `select` answers a value that is compared as it is. */
export function useFleet<T>(select: (fleet: Fleet) => T): T {
  return useSyncExternalStore(fleet.watch, () => select(fleet.current()));
}

/** One device, and only its changes. */
export function useDevice(id: string): Device | undefined {
  const watch = useCallback((watcher: () => void) => fleet.watchDevice(id, watcher), [id]);
  return useSyncExternalStore(watch, () => fleet.device(id));
}
