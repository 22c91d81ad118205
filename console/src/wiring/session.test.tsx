/** Who is signed in, and what follows from it. */
import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok, refused } from "../testing/hub";

const HOUR_MS = 3_600_000;

/** What waits until the second is called. */
function waiting(): [Promise<void>, () => void] {
  let answer = () => {};
  const later = new Promise<void>(resolve => {
    answer = resolve;
  });
  return [later, answer];
}

async function signOut() {
  await userEvent.click(screen.getByRole("button", { name: "Menu of Ann" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Sign out", hidden: true }));
  await screen.findByRole("heading", { name: "Sign in" });
}

describe("somebody who is not signed in", () => {
  it("signs in, and is where the address says", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /auth/refresh", () => refused(401, "unauthenticated"));
    hub.on("POST /auth/login", () => ok(hub.login("VIEWER")));
    await openConsole(hub, "/devices?q=fill");
    await userEvent.type(await screen.findByLabelText("Username"), "ann");
    await userEvent.type(screen.getByLabelText("Password"), "secret");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByRole("row", { name: /Filler/ });
    expect(screen.getByRole("textbox", { name: /Search/ })).toHaveProperty("value", "fill");
  });
});

describe("the token", () => {
  it("goes with every call, and is renewed once where it is refused", async () => {
    const hub = new FakeHub("VIEWER");
    const tokens: (string | null)[] = [];
    hub.on("GET /devices", ({ headers }) => {
      tokens.push(headers.get("Authorization"));
      return tokens.length === 1
        ? refused(401, "unauthenticated")
        : list([device({ name: "Filler" })]);
    });
    await openConsole(hub, "/devices");
    await screen.findByRole("row", { name: /Filler/ });
    expect(tokens.every(token => token?.startsWith("Bearer "))).toBe(true);
    expect(hub.count("POST /auth/refresh")).toBe(2);
  });

  it("that comes after the sign-out is not taken", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /auth/logout", () => ok(null));
    await openConsole(hub, "/devices");
    await screen.findByRole("row", { name: /Filler/ });
    const [later, answer] = waiting();
    hub.on("GET /auth/permissions", async () => {
      await later;
      return ok({ role: "VIEWER", grants: hub.grants });
    });
    hub.on("GET /health", () => refused(401, "unauthenticated"));
    await userEvent.click(screen.getByRole("link", { name: "Health" }));
    await waitFor(() => expect(hub.count("GET /auth/permissions")).toBe(2));
    await signOut();
    await act(async () => answer());
    await waitFor(() => expect(screen.queryByRole("heading", { name: "Sign in" })).toBeTruthy());
    expect(screen.queryByRole("link", { name: "Health" })).toBeNull();
  });

  it("of a renewal from before the sign-out is not taken", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /auth/logout", () => ok(null));
    await openConsole(hub, "/devices");
    await screen.findByRole("row", { name: /Filler/ });
    const [later, answer] = waiting();
    hub.on("GET /health", () => refused(401, "unauthenticated"));
    hub.on("POST /auth/refresh", async () => {
      await later;
      return ok(hub.login("VIEWER"));
    });
    await userEvent.click(screen.getByRole("link", { name: "Health" }));
    await waitFor(() => expect(hub.count("POST /auth/refresh")).toBe(2));
    await signOut();
    await act(async () => answer());
    await waitFor(() => expect(screen.queryByRole("heading", { name: "Sign in" })).toBeTruthy());
    expect(screen.queryByRole("link", { name: "Health" })).toBeNull();
  });

  it("that cannot be renewed leads to the sign-in", async () => {
    const hub = new FakeHub("VIEWER");
    hub.on("GET /devices", () => refused(401, "unauthenticated"));
    await openConsole(hub, "/devices");
    hub.on("POST /auth/refresh", () => refused(401, "unauthenticated"));
    expect((await screen.findByRole("alert")).textContent).toContain("Your session has ended");
  });

  it.each([-HOUR_MS, HOUR_MS])("is not renewed for a clock that is %i ms off", async aheadMs => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.aheadMs = aheadMs;
    const timers: number[] = [];
    const { setTimeout: real } = globalThis;
    globalThis.setTimeout = ((run: () => void, ms = 0) => {
      timers.push(ms);
      return real(run, ms);
    }) as typeof setTimeout;
    await openConsole(hub, "/devices").finally(() => {
      globalThis.setTimeout = real;
    });
    // Four fifths of the quarter of an hour for which a token is good.
    expect(timers.some(ms => Math.round(ms / 1000) === 720)).toBe(true);
  });
});

describe("a role", () => {
  it.each([
    ["VIEWER", ["Users", "Settings"], []],
    ["MANAGER", ["Settings"], ["Users"]],
    ["ADMIN", [], ["Users", "Settings"]],
  ] as const)("%s is not offered %j", async (role, hidden, shown) => {
    await openConsole(new FakeHub(role, [device()]), "/devices");
    await waitFor(() => expect(screen.getByRole("link", { name: "Fleet" })).toBeTruthy());
    expect(hidden.map(name => screen.queryByRole("link", { name }))).toEqual(
      hidden.map(() => null),
    );
    for (const name of shown) expect(screen.getByRole("link", { name })).toBeTruthy();
  });
});
