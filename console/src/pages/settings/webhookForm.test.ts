import { expect, it } from "vitest";
import type { Delivery, Webhook } from "../../api/webhooks";
import { bodyOf, formOf, standingOf, wasTaken } from "./webhookForm";

const webhook: Webhook = {
  id: "w1",
  name: "plan",
  url: "https://plan.example.org/",
  types: ["alert", "scan"],
  query: "has label.line",
  headers: { "X-Plant": "hidden" },
  enabled: true,
  reason: null,
  owner: "anna",
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
  createdBy: "anna",
  updatedAt: "2026-01-01T00:00:00.000Z",
  failures: 0,
  failingSince: null,
  succeededAt: null,
  rotatedUntil: null,
};

it("gives back what there is, but for headers, which stay", () => {
  expect(bodyOf(formOf(webhook))).toEqual({
    name: "plan",
    url: "https://plan.example.org/",
    types: ["alert", "scan"],
    query: "has label.line",
    enabled: true,
  });
});

it("takes nothing typed for nothing said", () => {
  const typed = { ...formOf(), name: " plan ", url: " https://a.example.org " };
  expect(bodyOf(typed)).toEqual({
    name: "plan",
    url: "https://a.example.org",
    types: null,
    query: null,
    enabled: true,
  });
  expect(bodyOf({ ...typed, types: "scan, print" })?.types).toEqual(["scan", "print"]);
  expect(bodyOf({ ...typed, name: " " })).toBeNull();
  expect(bodyOf({ ...typed, url: "" })).toBeNull();
});

it.each([
  [{}, "delivers"],
  [{ failures: 2 }, "fails"],
  [{ enabled: false }, "disabled"],
  [{ enabled: false, reason: "gone" as const, failures: 1 }, "gone"],
])("says how one stands: %o", (fields, standing) => {
  expect(standingOf({ ...webhook, ...fields })).toBe(standing);
});

it.each([
  [200, true],
  [299, true],
  [302, false],
  [503, false],
  [null, false],
])("takes %s for taken: %s", (status, taken) => {
  expect(wasTaken({ status } as Delivery)).toBe(taken);
});
