// @vitest-environment node
import { expect, it, vi } from "vitest";

vi.mock("../../api/client", () => ({}));
const { asked, refreshMs } = await import("./data");
const { auditSearch } = await import("./search");

it("reads what an address may say, and nothing else", () => {
  const said = { q: "anna", action: 7, hours: 24, since: "yesterday", until: "2026-01-02", x: 1 };
  expect(auditSearch(said)).toEqual({
    q: "anna",
    action: "7",
    hours: 24,
    until: "2026-01-02T00:00:00.000Z",
  });
  expect(auditSearch({ since: "7", until: "2026-99-99" })).toEqual({});
  expect(auditSearch({ q: "", hours: -1, actor: null })).toEqual({});
});

it("asks the hub for a moment instead of hours", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  expect(asked({ q: "x", hours: 24 }, now)).toEqual({ q: "x", since: "2026-01-01T00:00:00.000Z" });
  expect(asked({ actor: "a" }, now)).toEqual({ actor: "a" });
});

it("reads the newest again soon, and many pages less often", () => {
  expect([0, 1, 5].map(refreshMs)).toEqual([2_000, 2_000, 10_000]);
});
