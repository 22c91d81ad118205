/** A device in quarantine: who says so, why, and the way out. */
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, ok } from "../testing/hub";

const QUARANTINE = { since: "2026-01-01T00:00:00.000Z", by: "anna", reason: "odd scans" };
const sent = (hub: FakeHub, path: string) =>
  hub.asked.findLast(one => one.method === "POST" && one.path === path)?.body;

it("is put there with a reason, shown with who and why, and released", async () => {
  const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
  hub.on("POST /devices/{id}/quarantine", () =>
    ok(device({ id: "d1", name: "Filler", quarantine: QUARANTINE })),
  );
  hub.on("POST /devices/{id}/release", () => ok(device({ id: "d1", name: "Filler" })));
  await openConsole(hub, "/devices/d1");
  await userEvent.click(await screen.findByRole("button", { name: "More actions" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Quarantine…" }));
  await userEvent.type(await screen.findByRole("textbox", { name: "Reason" }), "odd scans");
  await userEvent.click(screen.getByRole("button", { name: "Put into quarantine" }));

  await screen.findByText("In quarantine, by anna");
  expect(sent(hub, "/devices/d1/quarantine")).toEqual({ reason: "odd scans" });
  expect(screen.getByText("odd scans")).toBeDefined();
  await userEvent.click(screen.getByRole("button", { name: "Release" }));
  await waitFor(() => expect(screen.queryByText("In quarantine, by anna")).toBeNull());
});

it("is only shown to who has no right to change it", async () => {
  const quarantined = device({ id: "d1", name: "Filler", quarantine: QUARANTINE });
  await openConsole(new FakeHub("MANAGER", [quarantined]), "/devices/d1");
  await screen.findByText("In quarantine, by anna");
  expect(screen.queryByRole("button", { name: "Release" })).toBeNull();
});
