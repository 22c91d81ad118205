/** Applications: made from a Compose file, aimed, and seen and changed on devices. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok, refused } from "../testing/hub";

const AT = "2026-01-01T00:00:00.000Z";
const SHOP = {
  id: "shop",
  name: "shop",
  current: null,
  target: null,
  removeWhenUnmatched: false,
  status: "ACTIVE",
  reason: null,
  version: 1,
  createdAt: AT,
  createdBy: "ann",
  updatedAt: AT,
};
const WEB = {
  deviceId: "d1",
  application: "shop",
  service: "web",
  revision: "r1",
  desired: "running",
  state: "error",
  code: "image_not_found",
  message: "no such image",
  restarts: 3,
  orphaned: false,
  stale: false,
  pinned: false,
};
const button = (name: string) => screen.findByRole("button", { name });
const sent = (hub: FakeHub, method: string, path: string) =>
  hub.asked.findLast(one => one.method === method && one.path === path)?.body;

it("says which line of a Compose file is refused, and keeps what was pasted", async () => {
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /applications", () => list([]));
  const errors = [{ field: "services.web.build", message: "is not supported", line: 4 }];
  hub.on("POST /applications", () => ({
    status: 400,
    body: { code: "invalid_request", title: "t", detail: "", errors },
  }));
  await openConsole(hub, "/applications");
  await userEvent.click(await button("New application…"));
  await userEvent.type(await screen.findByRole("textbox", { name: "Name" }), "shop");
  const file = screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Compose file" });
  await userEvent.click(file);
  await userEvent.paste("services: bad");
  await userEvent.click(await button("Create"));
  await screen.findByText("Line 4: services.web.build is not supported");
  expect(file.value).toBe("services: bad");
  expect(sent(hub, "POST", "/applications")).toEqual({ name: "shop", compose: "services: bad" });
});

it("shows why a query is refused as a target, and what devices say", async () => {
  const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
  hub.on("GET /applications/{name}", () => ok(SHOP));
  hub.on("GET /applications/{name}/revisions", () => list([]));
  hub.on("GET /applications/{name}/devices", () => list([WEB]));
  hub.on("PUT /applications/{name}", () => refused(409, "untrusted_query", "a device says it"));
  await openConsole(hub, "/applications/shop");
  await screen.findByText("image_not_found: no such image");
  await userEvent.type(await screen.findByRole("textbox", { name: "Target" }), "version = 1");
  await userEvent.click(await button("Save"));
  await screen.findByText("a device says it");
  expect(sent(hub, "PUT", "/applications/shop")).toEqual({ target: "version = 1" });
});

it("leads to the approval where a deletion waits for one", async () => {
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /applications/{name}", () => ok(SHOP));
  hub.on("GET /applications/{name}/revisions", () => list([]));
  hub.on("GET /applications/{name}/devices", () => list([]));
  hub.on("DELETE /applications/{name}", () => ok({ approvalId: "a1", status: "AWAITING" }));
  hub.on("GET /approvals", () => list([]));
  hub.on("GET /approvals/{id}", () => refused(404, "not_found"));
  await openConsole(hub, "/applications/shop");
  await userEvent.click(await button("Delete…"));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByRole("textbox"), "shop");
  await userEvent.click(within(dialog).getByRole("button", { name: /Delete/ }));
  await waitFor(() => expect(location.pathname + location.search).toBe("/approvals?id=a1"));
});

it("stops a service on the page of its device", async () => {
  const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
  let desired = "running";
  hub.on("GET /devices/{id}/workloads", () => ok([{ ...WEB, desired }]));
  hub.on("POST /devices/{id}/workloads/{name}/{service}/stop", () => {
    desired = "stopped";
    return ok({ ...WEB, desired });
  });
  await openConsole(hub, "/devices/d1?tab=applications");
  await userEvent.click(await button("Stop"));
  await button("Start");
  await waitFor(() => expect(screen.getByText("Stopped by hand")).toBeDefined());
});
