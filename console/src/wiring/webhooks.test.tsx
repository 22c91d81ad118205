/** Webhooks on the page of settings. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { FakeHub, list, ok, refused } from "../testing/hub";

const AT = "2026-01-01T00:00:00.000Z";
const webhook = (fields: Record<string, unknown> = {}) => ({
  id: "w1",
  name: "plan",
  url: "https://plan.example.org/",
  types: null,
  query: null,
  headers: {},
  enabled: true,
  reason: null,
  owner: "anna",
  version: 1,
  createdAt: AT,
  createdBy: "anna",
  updatedAt: AT,
  failures: 0,
  failingSince: null,
  succeededAt: null,
  rotatedUntil: null,
  ...fields,
});
const delivery = (fields: Record<string, unknown> = {}) => ({
  id: "d1",
  at: AT,
  count: 3,
  attempts: 1,
  triedAt: AT,
  status: 503,
  error: null,
  ms: 12,
  answer: "busy",
  deliveredAt: null,
  pending: true,
  ...fields,
});
const sent = (hub: FakeHub, method: string, path: string) =>
  hub.asked.findLast(one => one.method === method && one.path === path)?.body;
const button = (name: string) => screen.findByRole("button", { name });
const fill = async (name: string, value: string) => {
  const box = await screen.findByRole("textbox", { name });
  await userEvent.clear(box);
  await userEvent.click(box);
  await userEvent.paste(value);
};

it("are listed with how they stand, made, and changed", async () => {
  const hub = new FakeHub("ADMIN", []);
  const gone = webhook({ id: "w2", name: "old", enabled: false, reason: "gone" });
  hub.on("GET /webhooks", () => list([webhook({ failures: 2 }), gone]));
  hub.on("POST /webhooks", () => ok(webhook({ secret: "whsec_shown" })));
  hub.on("PUT /webhooks/{id}", () => ok(webhook()));
  await openConsole(hub, "/settings");
  await screen.findByText("fails");
  await screen.findByText("disabled: answered 410");

  await userEvent.click(await button("New webhook…"));
  expect((await button("Keep")).hasAttribute("disabled")).toBe(true);
  await fill("Name", "shifts");
  await fill("Address", "https://shifts.example.org/");
  await fill("Events", "alert scan");
  await userEvent.click(await button("Keep"));
  expect(sent(hub, "POST", "/webhooks")).toEqual({
    name: "shifts",
    url: "https://shifts.example.org/",
    types: ["alert", "scan"],
    query: null,
    enabled: true,
  });
  await screen.findByDisplayValue("whsec_shown");
  await userEvent.click(await button("Done"));

  const [change] = await screen.findAllByRole("button", { name: "Change…" });
  await userEvent.click(change as HTMLElement);
  await userEvent.click(await screen.findByRole("checkbox", { name: "Enabled" }));
  await userEvent.click(await button("Keep"));
  await waitFor(() =>
    expect(sent(hub, "PUT", "/webhooks/w1")).toEqual({
      name: "plan",
      url: "https://plan.example.org/",
      types: null,
      query: null,
      enabled: false,
    }),
  );
});

it("show what was delivered, and deliver by hand", async () => {
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /webhooks", () => list([webhook()]));
  hub.on("GET /webhooks/{id}/deliveries", () => list([delivery()]));
  hub.on("POST /webhooks/{id}/test", () => ok(delivery({ status: 204, pending: false })));
  hub.on("POST /webhooks/{id}/deliveries/{id}/redeliver", () => ok(delivery()));
  hub.on("POST /webhooks/{id}/rotate-secret", () => ok(webhook({ secret: "whsec_new" })));
  await openConsole(hub, "/settings");
  await userEvent.click(await button("Deliveries…"));
  const dialog = within(await screen.findByRole("dialog"));
  await dialog.findByText("503");
  await dialog.findByText("waits for the next attempt");

  await userEvent.click(await dialog.findByRole("button", { name: /^Send the delivery of/ }));
  await userEvent.click(await dialog.findByRole("button", { name: "Send a test" }));
  await userEvent.click(await dialog.findByRole("button", { name: "New secret" }));
  await dialog.findByDisplayValue("whsec_new");
  const asked = hub.asked.filter(one => one.method === "POST").map(one => one.path);
  expect(asked).toContain("/webhooks/w1/deliveries/d1/redeliver");
  expect(asked).toContain("/webhooks/w1/test");
});

it("say why one was not kept, and what is lost with one", async () => {
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /webhooks", () => list([webhook()]));
  hub.on("POST /webhooks", () => refused(400, "invalid", "url: is not a public address"));
  hub.on("DELETE /webhooks/{id}", () => ok(null));
  await openConsole(hub, "/settings");
  await userEvent.click(await button("New webhook…"));
  await fill("Name", "inside");
  await fill("Address", "https://10.0.0.1/");
  await userEvent.click(await button("Keep"));
  await screen.findByText(/is not a public address/);
  await userEvent.click(await button("Cancel"));

  await userEvent.click(await button("Delete the webhook plan"));
  await userEvent.click(await button("Delete"));
  await waitFor(() =>
    expect(hub.asked.some(one => one.method === "DELETE" && one.path === "/webhooks/w1")).toBe(
      true,
    ),
  );
});

it("are read, and not changed, by whoever may only read", async () => {
  const hub = new FakeHub("VIEWER", []);
  hub.on("GET /webhooks", () => list([webhook()]));
  await openConsole(hub, "/settings");
  await screen.findByText("https://plan.example.org/");
  for (const name of ["New webhook…", "Change…", "Delete the webhook plan"])
    expect(screen.queryByRole("button", { name })).toBeNull();
});
