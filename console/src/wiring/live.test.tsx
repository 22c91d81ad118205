/** What happens on the hub and on the line, and what is on the page. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok, refused } from "../testing/hub";

const row = (name: RegExp) => screen.findByRole("row", { name });
const state = () => document.querySelector("[data-phase]")?.getAttribute("data-phase");
const live = () => waitFor(() => expect(state()).toBe("live"));
const user = (username: string) => ({
  id: `id-${username}`,
  username,
  role: "VIEWER",
  displayName: username,
  disabled: false,
  initialPassword: false,
  createdAt: "2026-01-01T00:00:00.000Z",
});

describe("the fleet", () => {
  it("follows what devices say", async () => {
    const hub = new FakeHub("VIEWER", [device({ id: "d1", name: "Filler" })]);
    await openConsole(hub, "/devices");
    expect((await row(/Filler/)).textContent).toContain("Online");
    await hub.tell({ type: "status", deviceId: "d1", status: "ERROR" });
    expect((await row(/Filler.*Error/)).getAttribute("data-device")).toBe("d1");
  });

  it("reads a device again whose record has changed, and only this", async () => {
    const hub = new FakeHub("VIEWER", [device({ id: "d1", name: "Filler" })]);
    hub.on("GET /devices/{id}", () => ok(device({ id: "d1", name: "Renamed" })));
    await openConsole(hub, "/devices");
    await row(/Filler/);
    await hub.tell({ type: "record_changed", kind: "device", id: "d1", deviceId: "d1" });
    await row(/Renamed/);
    expect([hub.count("GET /devices/d1"), hub.count("GET /devices")]).toEqual([1, 1]);
  });

  it("reads everything again when the hub cannot replay what was missed", async () => {
    const devices = [device({ id: "d1", name: "Filler" })];
    const hub = new FakeHub("VIEWER", devices);
    hub.replays = false;
    await openConsole(hub, "/devices");
    await row(/Filler/);
    await live();
    devices.splice(0, 1, device({ id: "d2", name: "Capper" }));
    await hub.socket.break(1006);
    await userEvent.click(await screen.findByRole("button", { name: "Try now" }));
    await row(/Capper/);
    await waitFor(() => expect(screen.queryByRole("row", { name: /Filler/ })).toBeNull());
  });

  it("asks for a replay from where it was, and reads nothing again when it gets it", async () => {
    const hub = new FakeHub("VIEWER", [device({ id: "d1", name: "Filler" })]);
    await openConsole(hub, "/devices");
    await row(/Filler/);
    await hub.tell({ type: "status", deviceId: "d1", status: "ONLINE" });
    await hub.socket.break(1012);
    await userEvent.click(await screen.findByRole("button", { name: "Try now" }));
    await live();
    const again = hub.socket.heard.find(({ type }) => type === "subscribe");
    expect(again?.since).toEqual({ epoch: "e1", offset: 1 });
    await hub.tell({ type: "status", deviceId: "d1", status: "DEGRADED" });
    await row(/Filler.*Degraded/);
    expect(hub.count("GET /devices")).toBe(1);
  });

  it("tells why it could not be read, and reads it when asked to", async () => {
    const hub = new FakeHub("VIEWER");
    hub.on("GET /devices", () => refused(500, "internal"));
    await openConsole(hub, "/devices");
    expect((await screen.findByRole("alert")).textContent).toContain("internal error");
    hub.on("GET /devices", () => list([device({ name: "Filler" })]));
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await row(/Filler/);
  });
});

it("gives no verdict on a fleet of which it has read a part", async () => {
  const hub = new FakeHub("VIEWER");
  hub.on("GET /health", () =>
    ok({
      serverTime: new Date().toISOString(),
      replicas: [],
      totals: { devices: 2, connected: 2, unfinishedCommands: 0, cloudQueue: 0 },
      databaseLogin: { name: "hub", rights: "hub", organisations: "role" },
      audit: { unsealed: 0, anchorError: null },
    }),
  );
  hub.on("GET /commands", () => list([]));
  hub.on("GET /firmware/deployments", () => list([]));
  let more = () => {};
  const rest = new Promise<void>(resolve => {
    more = resolve;
  });
  hub.on("GET /devices", async ({ query }) => {
    if (!query.has("cursor")) return list([device({ id: "d1" })], "next");
    await rest;
    return list([device({ id: "d2" })]);
  });
  await openConsole(hub, "/health");
  await screen.findByText(/of all/);
  await waitFor(() => expect(hub.count("GET /devices")).toBe(2));
  expect(screen.queryByText(/The fleet is well/)).toBeNull();
  more();
  await screen.findByText(/The fleet is well: 2 of 2 devices/);
});

describe("the line", () => {
  const banner = () => screen.queryByText(/What you see may be out of date/);

  it("is stale while it is broken, and live after it", async () => {
    const hub = new FakeHub("VIEWER", [device()]);
    await openConsole(hub, "/devices");
    await live();
    expect(banner()).toBeNull();
    await hub.socket.break(1006);
    expect(state()).toBe("waiting");
    expect(banner()).not.toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Try now" }));
    await live();
    expect(banner()).toBeNull();
  });

  it("does not come back where the hub refuses it", async () => {
    const hub = new FakeHub("VIEWER", [device()]);
    await openConsole(hub, "/devices");
    await live();
    await hub.socket.break(4403);
    expect(state()).toBe("refused");
    expect(screen.getByText(/The hub refuses live updates/)).toBeTruthy();
    expect(hub.sockets).toHaveLength(1);
  });

  it("comes back with a new token where the old one is refused", async () => {
    const hub = new FakeHub("VIEWER", [device()]);
    await openConsole(hub, "/devices");
    await live();
    const before = hub.count("POST /auth/refresh");
    await hub.socket.break(4401);
    await waitFor(() => expect(hub.sockets).toHaveLength(2));
    await live();
    expect(hub.count("POST /auth/refresh")).toBe(before + 1);
  });
});

describe("answers of REST", () => {
  it("are read again when a record of their kind has changed", async () => {
    const hub = new FakeHub("ADMIN", [device()]);
    const users = [user("bob")];
    hub.on("GET /users", () => list(users));
    await openConsole(hub, "/users");
    await row(/bob/);
    await live();
    users.push(user("eve"));
    await hub.tell({ type: "record_changed", kind: "user", id: "id-eve" });
    await row(/eve/);
  });

  it("stay where they are when they cannot be read again", async () => {
    const hub = new FakeHub("ADMIN", [device()]);
    hub.on("GET /users", () => list([user("bob")]));
    await openConsole(hub, "/users");
    await row(/bob/);
    await live();
    hub.on("GET /users", () => refused(500, "internal"));
    await hub.tell({ type: "record_changed", kind: "user", id: "id-bob" });
    await screen.findByRole("alert");
    await row(/bob/);
  });
});

describe("a command beside the page", () => {
  const record = (status: string, output: string | null = null) => ({
    commandId: "c1",
    deviceId: "d1",
    type: "force_sync",
    status,
    actor: "ann",
    output,
    params: {},
    error: null,
    data: null,
    progress: null,
    lateResult: null,
    batchId: null,
    createdAt: "2026-01-01T00:00:00.000Z",
    sentAt: null,
    finishedAt: null,
    deadline: null,
    expiresAt: null,
  });

  const isOfDevice = (frame: object) => "deviceIds" in frame;

  it("is read again when it may have ended before its events followed", async () => {
    const hub = new FakeHub("VIEWER", [device({ id: "d1", name: "Filler" })]);
    let asked = 0;
    hub.on("GET /commands", () => list([record("RUNNING")]));
    hub.on("GET /openapi.json", () => ({ body: { components: { schemas: {} } } }));
    hub.on("GET /devices/{id}/commands/{command}", async () => {
      asked += 1;
      if (asked > 1) return ok(record("SUCCESS", "all sent"));
      // On its way while the subscription begins.
      await waitFor(() => expect(hub.socket.heard.some(isOfDevice)).toBe(true));
      return ok(record("RUNNING"));
    });
    await openConsole(hub, "/commands?device=d1&command=c1");
    const drawer = await screen.findByRole("dialog");
    await within(drawer).findByText("all sent");
    expect(asked).toBe(2);
  });
});
