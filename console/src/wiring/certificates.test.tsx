/** Certificates of devices: on the page of a device, and of all in the settings. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok } from "../testing/hub";

const SERIAL = "707e02b0bf7603b6958d567ac691157c";
const certificate = (deviceId: string, given: object = {}) => ({
  serial: SERIAL,
  deviceId,
  fingerprint: "129fc0e9d44931f3c3ff38719d6215acc7e98b2f3c59a46574a90f1758373c95",
  status: "valid",
  issuedAt: "2026-01-01T00:00:00.000Z",
  expiresAt: "2026-04-01T00:00:00.000Z",
  firstUsedAt: null,
  goodUntil: null,
  endedAt: null,
  reason: null,
  ...given,
});
const asked = (hub: FakeHub) => hub.asked.findLast(one => one.path === "/certificates")?.query;

it("are on the page of their device, and revoked with a reason", async () => {
  let shown = certificate("d1");
  const hub = new FakeHub("ADMIN", [device({ id: "d1" })]);
  hub.on("GET /certificates", () => list([shown]));
  hub.on("POST /certificates/{serial}/revoke", () => {
    shown = certificate("d1", { status: "revoked", reason: "it is lost" });
    return ok(null);
  });
  await openConsole(hub, "/devices/d1");
  await userEvent.click(
    await screen.findByRole("button", { name: `Revoke certificate ${SERIAL}` }),
  );
  await userEvent.type(await screen.findByRole("textbox", { name: "Reason" }), "it is lost");
  await userEvent.click(screen.getByRole("button", { name: "Revoke" }));

  await screen.findByText("Revoked");
  expect(asked(hub)?.get("deviceId")).toBe("d1");
  const sent = hub.asked.find(one => one.path === `/certificates/${SERIAL}/revoke`);
  expect(sent?.body).toEqual({ reason: "it is lost" });
  expect(screen.queryByRole("button", { name: `Revoke certificate ${SERIAL}` })).toBeNull();
});

it("are not spoken of where a device has none", async () => {
  const hub = new FakeHub("ADMIN", [device({ id: "d1" })]);
  await openConsole(hub, "/devices/d1");
  await waitFor(() => expect(asked(hub)).toBeDefined());
  expect(screen.queryByText("Certificates")).toBeNull();
});

it("are filtered in the settings by when they end and how they stand", async () => {
  const hub = new FakeHub("VIEWER", []);
  hub.on("GET /certificates", () => list([certificate("press-7")]));
  await openConsole(hub, "/settings");
  const table = await screen.findByRole("table", { name: "Certificates" });
  await within(table).findByRole("link", { name: "press-7" });
  expect(asked(hub)?.get("status")).toBe("valid");
  expect(within(table).queryByRole("button")).toBeNull();

  await userEvent.click(screen.getByRole("combobox", { name: "Expires" }));
  await userEvent.click(
    await screen.findByRole("option", { name: "Within 14 days", hidden: true }),
  );
  await waitFor(() => expect(asked(hub)?.get("expiresBefore")).toMatch(/Z$/));
  const days = (Date.parse(asked(hub)?.get("expiresBefore") ?? "") - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(14);
});
