/** The one dashboard socket of this tab: carries out what `recovery.ts` decides. */
import { hubAddress } from "../api/prefix";
import { session } from "../session/session";
import { skewOf } from "./clock";
import type { EventType, Filter, Frame, Gap, LiveEvent } from "./frames";
import { type Effect, type Phase, Recovery } from "./recovery";

export type Listener = {
  onEvent: (event: LiveEvent) => void;
  /** Something may have been missed: read it again over REST. */
  onGap?: (gap: Gap) => void;
  /** Events follow from here on; unless `recovered`, what was before is to be read over REST. */
  onSubscribed?: (recovered: boolean) => void;
};

export type Connection = {
  phase: Phase;
  /** Unix milliseconds of the next attempt, while waiting. */
  dueAt: number | null;
  skewMs: number;
  /** Whether this tab has been live at all since the sign-in. */
  wasLive: boolean;
};

const TICK_MS = 250;
/** Only who names this type gets it. */
const BY_NAME_ONLY: EventType = "record_changed";

class LiveSocket {
  private readonly core = new Recovery(Math.random);
  private socket: WebSocket | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private readonly listeners = new Map<
    string,
    { types: ReadonlySet<string> | null; devices: ReadonlySet<string> | null; listener: Listener }
  >();
  private readonly watchers = new Set<() => void>();
  private connection: Connection = { phase: "idle", dueAt: null, skewMs: 0, wasLive: false };
  private count = 0;

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  };

  readonly current = () => this.connection;

  start(): void {
    this.ticking ??= setInterval(() => this.feed({ what: "tick" }), TICK_MS);
    this.feed({ what: "start" });
  }

  stop(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
    this.feed({ what: "stop" });
    this.change({ skewMs: 0, wasLive: false });
  }

  /** Do not wait for the next attempt. */
  hurry(): void {
    this.feed({ what: "hurry" });
  }

  /** A new token of the same session. */
  renewed(): void {
    this.feed({ what: "renewed" });
  }

  /** Events of `filter` from now on; returns what ends it. Groups are matched by the hub alone. */
  subscribe(filter: Filter, listener: Listener): () => void {
    this.count += 1;
    const id = `s${this.count}`;
    this.listeners.set(id, {
      types: filter.types ? new Set(filter.types) : null,
      devices: filter.deviceIds && !filter.groupIds ? new Set(filter.deviceIds) : null,
      listener,
    });
    this.feed({ what: "want", id, filter });
    return () => {
      this.listeners.delete(id);
      this.feed({ what: "drop", id });
    };
  }

  private feed(happening: Parameters<Recovery["on"]>[0]): void {
    for (const effect of this.core.on(happening, performance.now())) this.carryOut(effect);
  }

  private carryOut(effect: Effect): void {
    switch (effect.do) {
      case "connect":
        this.connect();
        break;
      case "authenticate":
        this.send({ type: "auth", token: session.accessToken() });
        break;
      case "renew-token":
        void session.refresh();
        break;
      case "send":
        this.send(effect.frame);
        break;
      case "close":
        this.abandon();
        break;
      case "deliver":
        this.deliver(effect.event);
        break;
      case "gap":
        for (const { listener } of this.listeners.values()) listener.onGap?.(effect.gap);
        break;
      case "subscribed":
        this.listeners.get(effect.id)?.listener.onSubscribed?.(effect.recovered);
        break;
      case "server-time":
        this.change({ skewMs: skewOf(effect.serverTime, Date.now(), effect.roundTripMs) });
        break;
      case "phase": {
        const due = effect.dueAt === null ? null : effect.dueAt - performance.now() + Date.now();
        const wasLive = this.connection.wasLive || effect.phase === "live";
        this.change({ phase: effect.phase, dueAt: due, wasLive });
        break;
      }
    }
  }

  private connect(): void {
    const socket = new WebSocket(`${hubAddress().replace(/^http/, "ws")}/ws/dashboard`);
    this.socket = socket;
    const mine = () => this.socket === socket;
    socket.onopen = () => mine() && this.feed({ what: "opened" });
    socket.onmessage = ({ data }) =>
      mine() && this.feed({ what: "frame", frame: JSON.parse(data) as Frame });
    socket.onclose = ({ code }) => {
      if (!mine()) return;
      this.socket = null;
      this.feed({ what: "closed", code });
    };
  }

  private send(frame: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  /** Does not wait for the other side: a line that is dead says nothing. */
  private abandon(): void {
    this.socket?.close();
    this.socket = null;
  }

  private deliver(event: LiveEvent): void {
    for (const { types, devices, listener } of this.listeners.values()) {
      if (types === null ? event.type === BY_NAME_ONLY : !types.has(event.type)) continue;
      if (devices !== null && !devices.has(event.deviceId)) continue;
      listener.onEvent(event);
    }
  }

  private change(part: Partial<Connection>): void {
    this.connection = { ...this.connection, ...part };
    for (const watcher of this.watchers) watcher();
  }
}

export const live = new LiveSocket();
