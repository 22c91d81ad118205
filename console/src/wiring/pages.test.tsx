/** Addresses, and what the pages make of them. */
import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok } from "../testing/hub";

const OPENED: [string, string][] = [
  ["/", "Fleet"],
  ["/devices?status=NONSENSE&sort=-nothing&connected=maybe", "Fleet"],
  ["/devices/d1?tab=zzz&span=1000y", "Filler"],
  ["/commands?status=NONSENSE&type=7&batch=x", "Commands"],
  ["/firmware?tab=zzz", "Firmware"],
  ["/applications?tab=zzz", "Applications"],
  ["/applications/shop/revisions/abc?against=7", "Revision abc of shop"],
  ["/groups?group=nobody", "Groups"],
  ["/users?tab=zzz", "Users"],
  ["/audit?since=garbage&until=7&outcome=x&hours=-1", "Audit"],
  ["/settings?x=y", "Settings"],
  ["/health", "Health"],
  ["/nowhere", "There is no such page."],
];

it.each(OPENED)("%s, however odd, opens its page", async (address, title) => {
  const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
  await openConsole(hub, address);
  await screen.findByRole("heading", { level: 1, name: title });
  expect(screen.queryByText("This page has crashed.")).toBeNull();
});

it("keeps its filters in the address", async () => {
  const hub = new FakeHub("VIEWER", [
    device({ id: "d1", name: "Filler" }),
    device({ id: "d2", name: "Capper" }),
  ]);
  await openConsole(hub, "/devices");
  await screen.findByRole("row", { name: /Capper/ });
  await userEvent.type(screen.getByRole("textbox", { name: /Search/ }), "fill");
  await waitFor(() => expect(screen.queryByRole("row", { name: /Capper/ })).toBeNull());
  await waitFor(() => expect(location.search).toBe("?q=fill"));
});

describe("the audit log", () => {
  const between = async (hub: FakeHub) => {
    hub.on("GET /audit-log", () => list([]));
    hub.on("GET /firmware/releases", () => list([]));
    hub.on("GET /firmware/deployments", () => list([]));
    await openConsole(hub, "/audit");
    await userEvent.click(await screen.findByRole("combobox", { name: "Time" }));
    await userEvent.click(await screen.findByRole("option", { name: "Between…", hidden: true }));
    return screen.findByLabelText("From") as Promise<HTMLInputElement>;
  };
  const since = (hub: FakeHub) =>
    hub.asked.findLast(({ path }) => path === "/audit-log")?.query.get("since");

  it("begins a period with today, as the hub takes it", async () => {
    const hub = new FakeHub("VIEWER");
    const field = await between(hub);
    const midnight = new Date(new Date().setHours(0, 0, 0, 0));
    await waitFor(() => expect(since(hub)).toBe(midnight.toISOString()));
    expect(new Date(field.value).getTime()).toBe(midnight.getTime());
  });

  it("asks for what was typed when the field is left, and not before", async () => {
    const hub = new FakeHub("VIEWER");
    const field = await between(hub);
    await waitFor(() => expect(since(hub)).toBeTruthy());
    const before = since(hub);
    fireEvent.change(field, { target: { value: "0002-11-28T22:00" } });
    fireEvent.change(field, { target: { value: "2026-11-28T22:00" } });
    expect([field.value, since(hub)]).toEqual(["2026-11-28T22:00", before]);
    fireEvent.blur(field);
    await waitFor(() => expect(since(hub)).toBe(new Date(2026, 10, 28, 22).toISOString()));
  });
});

describe("a command", () => {
  const CONTRACT = {
    components: {
      schemas: {
        DispatchBody: {
          properties: { command: { anyOf: [{ $ref: "#/components/schemas/Sync" }] } },
        },
        Sync: {
          properties: { type: { enum: ["force_sync"] } },
          "x-danger": "no",
          "x-required-role": "OPERATOR",
        },
      },
    },
  };

  it("is sent once with a key, and its end is seen though it came before the answer", async () => {
    const hub = new FakeHub("OPERATOR", [device({ id: "d1", name: "Filler" })]);
    hub.on("GET /openapi.json", () => ({ body: CONTRACT }));
    hub.on("POST /devices/{id}/commands", async () => {
      const about = { deviceId: "d1", commandId: "c1", commandType: "force_sync" };
      await hub.tell({ type: "command_result", ...about, status: "SUCCESS", output: "17 sent" });
      return ok({ commandId: "c1", status: "PENDING" });
    });
    await openConsole(hub, "/devices");
    await userEvent.click(await screen.findByRole("checkbox", { name: "Select Filler" }));
    await userEvent.click(screen.getByRole("button", { name: "Send a command" }));
    await userEvent.click(await screen.findByRole("combobox", { name: "Command" }));
    await userEvent.click(await screen.findByRole("option", { name: "Force sync", hidden: true }));
    await userEvent.click(await screen.findByRole("button", { name: /^Force sync/ }));
    await screen.findByText("1 of 1 ended");
    const [sent] = hub.asked.filter(
      ({ method, path }) => method === "POST" && path !== "/auth/refresh",
    );
    expect(sent?.headers.get("Idempotency-Key")).toMatch(/^\w{12,}$/);
    expect(sent?.body).toMatchObject({ command: { type: "force_sync" }, delivery: "now" });
  });
});

it("asks again only for what a page needs: an idle fleet asks for nothing", async () => {
  const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
  hub.on("GET /device-groups", () => list([]));
  await openConsole(hub, "/devices");
  await screen.findByRole("row", { name: /Filler/ });
  // Once more when the events begin to follow: what was before them may have been missed.
  await waitFor(() => expect(hub.count("GET /device-groups")).toBe(2));
  const before = hub.asked.length;
  await hub.tell({ type: "status", deviceId: "edge-1", status: "ONLINE", metrics: { cpu: 1 } });
  await screen.findByRole("columnheader", { name: "cpu" });
  const since = hub.asked.slice(before).map(({ path }) => path);
  expect(since.filter(path => path !== "/fleet/metrics")).toEqual([]);
});
