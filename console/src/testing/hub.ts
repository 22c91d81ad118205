/**
 * A hub for tests of the wiring: the network is the only thing that is not real. It answers REST from
 * a table, speaks on the dashboard socket as docs/protocol.md says, and remembers what it was asked.
 */
import { act } from "@testing-library/react";
import type { Role, Schemas } from "../api/client";
import type { LiveEvent } from "../live/frames";
import type { Grant } from "../session/access";
import { grantsOf } from "./rights";

type Answer = { status?: number; body?: unknown };
type Asked = {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  headers: Headers;
};
type Reply = (asked: Asked) => Answer | Promise<Answer>;
type Sent = { type: string; id?: string; subscriptions?: { id: string }[] } & Record<
  string,
  unknown
>;

export const ok = (data: unknown): Answer => ({ body: { data } });
export const list = (items: readonly unknown[], next: string | null = null): Answer => ({
  body: { data: items, page: { next } },
});
export const refused = (status: number, code: string, detail = ""): Answer => ({
  status,
  body: { code, title: code, detail },
});

/** Where replay is possible the hub says `recovered`. */
const EPOCH = "e1";

export class FakeHub {
  /** REST calls, the newest last. */
  readonly asked: Asked[] = [];
  /** The dashboard sockets, the newest last. */
  readonly sockets: FakeSocket[] = [];
  /** Whether events that were missed can be replayed. */
  replays = true;
  /** What to add to this computer's clock to have the hub's. */
  aheadMs = 0;
  private offset = 0;
  private readonly replies = new Map<string, Reply>();

  /** What the user may do: as the role says, until it is another. */
  grants: readonly Grant[];
  /** What `GET /auth/me` adds to the user of the sign-in. */
  me = {
    orgId: "default",
    organisations: [{ id: "default", name: "Plant" }],
    instanceAdmin: false,
    secondFactors: [] as string[],
    lacks: null as string | null,
  };

  constructor(role: Role = "ADMIN", devices: readonly Schemas["Device"][] = []) {
    this.grants = grantsOf(role);
    this.on("POST /auth/refresh", () => ok(this.login(role)));
    this.on("GET /auth/permissions", () => ok({ role, grants: this.grants }));
    this.on("GET /auth/me", () => ok({ ...this.login(role).user, ...this.me }));
    this.on("GET /devices", () => list(devices));
    this.on("GET /device-groups", () => list([]));
    this.on("GET /certificates", () => list([]));
    this.on("GET /auth/me/preferences", () => ok({}));
    this.on("GET /auth/providers", () => ok([]));
  }

  /** `GET /devices/{id}` and what answers it; the newest counts. */
  on(route: string, reply: Reply): void {
    this.replies.set(route, reply);
  }

  login(role: Role) {
    const now = Date.now() + this.aheadMs;
    const claims = { iat: now / 1000, exp: now / 1000 + 900 };
    return {
      token: `h.${btoa(JSON.stringify(claims))}.s`,
      expiresAt: new Date(now + 900_000).toISOString(),
      orgId: "default",
      user: { id: "u1", username: "ann", role, displayName: "Ann" },
    };
  }

  /** How often a route was asked. */
  count(route: string): number {
    const [method, path] = route.split(" ");
    return this.asked.filter(one => one.method === method && one.path === path).length;
  }

  readonly fetch = async (input: Request | string, init?: RequestInit): Promise<Response> => {
    const request =
      input instanceof Request ? input : new Request(new URL(input, location.href), init);
    const { pathname, searchParams } = new URL(request.url);
    const text = await request.text();
    const asked: Asked = {
      method: request.method,
      path: pathname.replace("/api/v1", ""),
      query: searchParams,
      body: text === "" ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    this.asked.push(asked);
    const { status = 200, body } = await this.reply(asked);
    return Response.json(body ?? null, { status });
  };

  private reply(asked: Asked): Answer | Promise<Answer> {
    const parts = asked.path.split("/");
    for (const [route, reply] of this.replies) {
      const [method, path = ""] = route.split(" ");
      const wanted = path.split("/");
      const fits = wanted.every((part, at) => part === parts[at] || part.startsWith("{"));
      if (method === asked.method && wanted.length === parts.length && fits) return reply(asked);
    }
    return refused(404, "not_found", `${asked.method} ${asked.path} is not in this test`);
  }

  /** For `WebSocket`. */
  socketClass() {
    const hub = this;
    return class extends FakeSocket {
      constructor(readonly url: string) {
        super(hub);
        hub.sockets.push(this);
      }
    };
  }

  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (newest === undefined) throw new Error("no socket was opened");
    return newest;
  }

  /** Something happens, and whoever subscribed to it hears it. */
  tell(event: Partial<LiveEvent> & { type: LiveEvent["type"] }): Promise<void> {
    this.offset += 1;
    const place = { epoch: EPOCH, offset: this.offset };
    return this.socket.say({ ts: new Date().toISOString(), deviceId: null, ...event, ...place });
  }

  /** What the hub says to a frame of the console. */
  answer(frame: Sent): object[] {
    const place = { epoch: EPOCH, offset: this.offset };
    switch (frame.type) {
      case "auth":
        return [{ type: "auth_ok", expiresAt: new Date(Date.now() + 900_000).toISOString() }];
      case "ping":
        return [
          { type: "pong", serverTime: new Date(Date.now() + this.aheadMs).toISOString(), ...place },
        ];
      case "subscribe": {
        const ids = frame.subscriptions?.map(({ id }) => id) ?? [String(frame.id)];
        const recovered = frame.since !== undefined && this.replays;
        return ids.map(id => ({ type: "subscribed", id, recovered, ...place }));
      }
      case "unsubscribe":
        return [{ type: "unsubscribed", id: frame.id }];
      default:
        return [];
    }
  }
}

class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((closed: { code: number }) => void) | null = null;
  /** What the console said. */
  readonly heard: Sent[] = [];

  constructor(private readonly hub: FakeHub) {
    queueMicrotask(() => {
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.onopen?.();
    });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Sent;
    this.heard.push(frame);
    queueMicrotask(() => {
      for (const answer of this.hub.answer(frame)) this.bring(answer);
    });
  }

  say(frame: object): Promise<void> {
    return act(async () => this.bring(frame));
  }

  private bring(frame: object): void {
    if (this.readyState === FakeSocket.OPEN) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  close(): void {
    this.readyState = 3;
  }

  /** The hub closes it, or the line breaks (1006). */
  break(code: number): Promise<void> {
    this.readyState = 3;
    return act(async () => this.onclose?.({ code }));
  }
}
