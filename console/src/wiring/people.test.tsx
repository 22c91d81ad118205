/** Members, teams, roles, bindings, invitations, and what follows from rights. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, list, ok, refused } from "../testing/hub";
import { grant } from "../testing/rights";

const AT = "2026-01-01T00:00:00.000Z";
const button = (name: string | RegExp) => screen.findByRole("button", { name });
const member = (username: string, role = "NONE") => ({
  id: `id-${username}`,
  username,
  role,
  displayName: username,
  disabled: false,
  initialPassword: false,
  createdAt: AT,
});
const bound = (role: string, subject: object, scope: object) => ({
  id: `b-${role}`,
  role,
  subject,
  scope,
  createdAt: AT,
});
const CATALOGUE = [
  { resource: "devices", verbs: ["get", "list", "update"], scoped: ["get"], names: null },
  { resource: "roles", verbs: ["get", "list"], scoped: [], names: "role" },
  { resource: "commands/force_sync", verbs: ["create"], scoped: ["create"], names: null },
];

/** Of an administrator, with everything the pages of people ask for. */
function administered(): FakeHub {
  const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
  hub.on("GET /users", () => list([member("bob")]));
  hub.on("GET /teams", () => list([{ id: "t1", name: "Night", memberCount: 0, createdAt: AT }]));
  hub.on("GET /service-accounts", () =>
    list([{ id: "s1", name: "mes", role: "NONE", createdAt: AT }]),
  );
  hub.on("GET /device-groups", () =>
    list([{ id: "g1", name: "Line 3", memberCount: 1, createdAt: AT }]),
  );
  hub.on("GET /role-bindings", () => list([]));
  hub.on("GET /permissions", () => ok(CATALOGUE));
  hub.on("GET /auth/sessions", () => list([]));
  hub.on("GET /roles", () =>
    ok([
      { name: "VIEWER", rules: [{ resources: ["devices"], verbs: ["get"] }], builtIn: true },
      { name: "syncer", rules: [], builtIn: false },
    ]),
  );
  return hub;
}
const sent = (hub: FakeHub, method: string, path: string) =>
  hub.asked.findLast(one => one.method === method && one.path === path)?.body;
const choose = async (label: string, option: string) => {
  await userEvent.click(await screen.findByRole("combobox", { name: label }));
  await userEvent.click(await screen.findByRole("option", { name: option, hidden: true }));
};

describe("a member of a scope", () => {
  const scoped = () => {
    const scope = { kind: "group" as const, id: "g1" };
    const hub = new FakeHub("NONE", [
      device({ id: "d1", name: "Filler", groupIds: ["g1"] }),
      device({ id: "d2", name: "Capper" }),
    ]);
    hub.grants = [
      grant(["devices:get", "devices:list", "devices:update", "commands:list"], { scope }),
      grant(["telemetry:list"]),
    ];
    hub.on("GET /devices/{id}", ({ path }) => ok(device({ id: path.split("/")[2] ?? "" })));
    return hub;
  };

  it("is offered the pages that it may use, and no others", async () => {
    await openConsole(scoped(), "/");
    await screen.findByRole("heading", { level: 1, name: "Fleet" });
    const navigation = screen.getByRole("navigation", { name: "Main" });
    const links = within(navigation).getAllByRole("link");
    expect(links.map(({ textContent }) => textContent)).toEqual([
      "Fleet",
      "Commands",
      "API reference",
    ]);
  });

  it("may change a device in it, and none outside", async () => {
    await openConsole(scoped(), "/devices/d1");
    await screen.findByRole("heading", { level: 1, name: "Filler" });
    expect(screen.getByRole("button", { name: "More actions" })).toBeTruthy();
    expect(screen.getAllByRole("tab").map(({ textContent }) => textContent)).not.toContain(
      "Firmware",
    );
  });

  it("may do nothing to a device outside", async () => {
    await openConsole(scoped(), "/devices/d2");
    await screen.findByRole("heading", { level: 1, name: "Capper" });
    expect(screen.queryByRole("button", { name: "More actions" })).toBeNull();
  });

  it("is told so on a page that it may not read", async () => {
    const hub = scoped();
    await openConsole(hub, "/audit");
    await screen.findByRole("heading", { level: 1, name: "You may not see this page." });
    expect(hub.count("GET /audit-log")).toBe(0);
  });
});

it("somebody without any right is told whom to ask, and asks the hub for no devices", async () => {
  const hub = new FakeHub("NONE");
  await openConsole(hub, "/");
  await screen.findByRole("heading", { level: 1, name: "You may see nothing here yet." });
  expect(hub.count("GET /devices")).toBe(0);
});

describe("rights that have changed", () => {
  it("are read again when the hub refuses something", async () => {
    const hub = new FakeHub("ADMIN", [device({ id: "d1", name: "Filler" })]);
    hub.on("GET /health", () => refused(403, "forbidden"));
    await openConsole(hub, "/devices");
    await screen.findByRole("link", { name: "Settings" });
    hub.grants = [grant(["devices:list", "health:get"])];
    await userEvent.click(screen.getByRole("link", { name: "Health" }));
    await waitFor(() => expect(screen.queryByRole("link", { name: "Settings" })).toBeNull());
  });
});

describe("a second factor", () => {
  const asked = () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /auth/refresh", () => refused(401, "unauthenticated"));
    hub.on("POST /auth/login", () => ({
      status: 403,
      body: { code: "second_factor", title: "x", detail: "", challenge: "c1" },
    }));
    return hub;
  };
  const signIn = async () => {
    await userEvent.type(await screen.findByLabelText("Username"), "ann");
    await userEvent.type(screen.getByLabelText("Password"), "secret");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    return screen.findByLabelText("Code");
  };

  it("is asked for after the password, and again when it is wrong", async () => {
    const hub = asked();
    hub.on("POST /auth/second-factor", () => refused(401, "unauthenticated"));
    await openConsole(hub, "/devices");
    await userEvent.type(await signIn(), "111111");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByText(/The code is not right/)).getAttribute("role")).toBe("alert");
    hub.on("POST /auth/second-factor", () => ok(hub.login("VIEWER")));
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    await screen.findByRole("row", { name: /Filler/ });
    expect(sent(hub, "POST", "/auth/second-factor")).toEqual({ challenge: "c1", code: "111111" });
  });

  it("leads back to the password", async () => {
    await openConsole(asked(), "/devices");
    await signIn();
    await userEvent.click(screen.getByRole("button", { name: "Sign in as somebody else" }));
    expect(await screen.findByLabelText("Password")).toBeTruthy();
  });

  it("is set up with a secret and recovery codes that are shown once", async () => {
    const hub = new FakeHub("VIEWER", [device()]);
    hub.on("POST /auth/totp", () => ok({ secret: "SECRET", uri: "otpauth://totp/x" }));
    hub.on("POST /auth/totp/confirm", () => ok({ recoveryCodes: ["one-1", "two-2"] }));
    await openConsole(hub, "/devices");
    await userEvent.click(await button("Menu of Ann"));
    await userEvent.click(
      await screen.findByRole("menuitem", { name: "Second factor", hidden: true }),
    );
    await userEvent.click(await button("Set it up"));
    expect(await screen.findByDisplayValue("SECRET")).toBeTruthy();
    expect(screen.getByDisplayValue("otpauth://totp/x")).toBeTruthy();
    await userEvent.type(screen.getByLabelText("The code that it shows now"), "123456");
    await userEvent.click(await button("Confirm"));
    expect(await screen.findByDisplayValue("one-1 two-2")).toBeTruthy();
    expect(sent(hub, "POST", "/auth/totp/confirm")).toEqual({ code: "123456" });
  });
});

describe("an invitation", () => {
  it("is accepted with a new account by somebody who has none", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /auth/refresh", () => refused(401, "unauthenticated"));
    hub.on("POST /invitations/accept", () => ok(hub.login("VIEWER")));
    await openConsole(hub, "/invitation#lli_token");
    await userEvent.type(await screen.findByLabelText("Username"), "bob");
    await userEvent.type(screen.getByLabelText("Password"), "a long password");
    await userEvent.click(await button("Create the account"));
    await screen.findByRole("row", { name: /Filler/ });
    expect(sent(hub, "POST", "/invitations/accept")).toEqual({
      token: "lli_token",
      username: "bob",
      password: "a long password",
      cookie: true,
    });
    expect(location.hash).toBe("");
  });

  it("is accepted as oneself by somebody who has signed in", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.on("POST /invitations/accept", ({ headers }) =>
      headers.get("Authorization")
        ? ok({ ...hub.login("VIEWER"), orgId: "other" })
        : refused(401, "x"),
    );
    await openConsole(hub, "/invitation#lli_token");
    await userEvent.click(await button("Accept the invitation"));
    await screen.findByRole("row", { name: /Filler/ });
    expect(sessionStorage.getItem("longline-org")).toBe("other");
    sessionStorage.clear();
    localStorage.clear();
  });

  it("that was used says so", async () => {
    const hub = new FakeHub("VIEWER");
    hub.on("POST /invitations/accept", () => refused(410, "gone"));
    await openConsole(hub, "/invitation#lli_token");
    await userEvent.click(await button("Accept the invitation"));
    expect(await screen.findByText(/was used, has ended or was withdrawn/)).toBeTruthy();
  });

  it("is made with a link that is shown once", async () => {
    const hub = administered();
    hub.on("GET /invitations", () => list([]));
    hub.on("POST /invitations", () => ok({ id: "i1", link: "https://hub/invitation#x" }));
    await openConsole(hub, "/users?tab=invitations");
    await userEvent.click(await button("Invite somebody"));
    const dialog = await screen.findByRole("dialog");
    await userEvent.click(within(dialog).getByRole("button", { name: "Invite somebody" }));
    expect(await screen.findByDisplayValue("https://hub/invitation#x")).toBeTruthy();
    expect(sent(hub, "POST", "/invitations")).toEqual({ username: null, role: "VIEWER" });
  });
});

describe("organisations", () => {
  it("are switched in the user menu, and the pages begin anew", async () => {
    const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
    hub.me.organisations = [
      { id: "default", name: "Plant" },
      { id: "north", name: "North" },
    ];
    hub.on("POST /auth/switch", () => {
      hub.on("GET /devices", () => list([device({ id: "n1", name: "Northern" })]));
      return ok({ ...hub.login("VIEWER"), orgId: "north" });
    });
    await openConsole(hub, "/devices");
    await screen.findByRole("row", { name: /Filler/ });
    await userEvent.click(await button("Menu of Ann"));
    await userEvent.click(
      await screen.findByRole("menuitem", { name: "Switch to North", hidden: true }),
    );
    await screen.findByRole("row", { name: /Northern/ });
    expect(screen.queryByRole("row", { name: /Filler/ })).toBeNull();
    sessionStorage.clear();
    localStorage.clear();
  });

  it("are made by the administrator of the installation", async () => {
    const hub = administered();
    hub.me.instanceAdmin = true;
    hub.on("GET /orgs", () => ok([{ id: "default", name: "Plant", createdAt: AT }]));
    hub.on("POST /orgs", () => ok({ id: "north", name: "North", createdAt: AT }));
    await openConsole(hub, "/organisations");
    await userEvent.click(await button("New organisation"));
    const dialog = await screen.findByRole("dialog");
    await userEvent.type(within(dialog).getByLabelText("Name"), "North");
    await userEvent.type(within(dialog).getByLabelText("ID"), "north");
    await userEvent.click(within(dialog).getByRole("button", { name: "New organisation" }));
    await waitFor(() => expect(sent(hub, "POST", "/orgs")).toEqual({ id: "north", name: "North" }));
  });
});

describe("a program without a browser", () => {
  const waiting = { clientId: "longline-cli", address: "10.0.0.7", createdAt: AT };

  it.each([
    ["Approve", true, "It is signed in"],
    ["Refuse", false, "It is refused"],
  ] as const)("%s: after it is shown what asks", async (act, approve, said) => {
    const hub = new FakeHub("VIEWER");
    hub.on("POST /auth/device/waiting", () => ok(waiting));
    hub.on("POST /auth/device/approve", () => ok(null));
    await openConsole(hub, "/device?code=BCDF-GHJK");
    await userEvent.click(await button("Go on"));
    await screen.findByText("longline-cli wants to act as ann.");
    screen.getByText("It asks from 10.0.0.7.");
    await userEvent.click(await button(act));
    await screen.findByRole("heading", { level: 2, name: said });
    expect(sent(hub, "POST", "/auth/device/approve")).toEqual({ userCode: "BCDF-GHJK", approve });
  });

  it("is not found by a wrong code", async () => {
    const hub = new FakeHub("VIEWER");
    hub.on("POST /auth/device/waiting", () => refused(404, "not_found"));
    await openConsole(hub, "/device");
    await userEvent.type(await screen.findByLabelText("Code"), "WRONG");
    await userEvent.click(await button("Go on"));
    expect(await screen.findByText(/No program waits for this code/)).toBeTruthy();
  });
});

describe("a role", () => {
  it("of one's own is changed by ticks", async () => {
    const hub = administered();
    hub.on("PUT /roles/{name}", () => ok({ name: "syncer", rules: [], builtIn: false }));
    await openConsole(hub, "/users?tab=roles&id=syncer");
    await userEvent.click(await screen.findByRole("checkbox", { name: "devices: get" }));
    await userEvent.click(screen.getByRole("checkbox", { name: "roles: list" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Names of roles" }), "guests");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() =>
      expect(sent(hub, "PUT", "/roles/syncer")).toEqual({
        rules: [
          { resources: ["devices"], verbs: ["get"], names: null },
          { resources: ["roles"], verbs: ["list"], names: ["guests"] },
        ],
      }),
    );
  });

  it("that is built in is read, and not changed", async () => {
    await openConsole(administered(), "/users?tab=roles&id=VIEWER");
    await screen.findByRole("img", { name: "devices: get" });
    expect(screen.queryByRole("checkbox")).toBeNull();
    expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
  });

  it("is bound to a member over a group", async () => {
    const hub = administered();
    hub.on("POST /role-bindings", () => ok({}));
    await openConsole(hub, "/users?id=id-bob");
    await userEvent.click(await button("Bind a role"));
    await choose("Role", "syncer");
    await userEvent.click(screen.getByRole("radio", { name: "In a group" }));
    await choose("Group", "Line 3");
    const dialog = screen.getByRole("dialog");
    await userEvent.click(within(dialog).getByRole("button", { name: "Bind a role" }));
    await waitFor(() =>
      expect(sent(hub, "POST", "/role-bindings")).toEqual({
        role: "syncer",
        subject: { kind: "user", id: "id-bob" },
        scope: { kind: "group", id: "g1" },
      }),
    );
  });

  it("is bound over a group on its page, to a team", async () => {
    const hub = administered();
    hub.on("GET /role-bindings", () =>
      list([
        bound("syncer", { kind: "user", id: "id-bob" }, { kind: "group", id: "g1" }),
        bound("VIEWER", { kind: "user", id: "id-bob" }, { kind: "org" }),
      ]),
    );
    hub.on("POST /role-bindings", () => refused(403, "escalation", "you do not have it"));
    await openConsole(hub, "/groups?group=g1");
    await userEvent.click(await button("Who may"));
    const row = await screen.findByRole("row", { name: /syncer.*bob/ });
    expect(row.getAttribute("data-binding")).toBe("syncer");
    expect(document.querySelector("[data-binding=VIEWER]")).toBeNull();
    await userEvent.click(await button("Bind a role"));
    await choose("Role", "syncer");
    await choose("Who", "Night");
    const dialog = screen.getByRole("dialog", { name: "Bind a role" });
    await userEvent.click(within(dialog).getByRole("button", { name: "Bind a role" }));
    expect(await screen.findByText("you do not have it")).toBeTruthy();
    expect(sent(hub, "POST", "/role-bindings")).toMatchObject({
      subject: { kind: "team", id: "t1" },
    });
  });
});

it("says why a member may", async () => {
  const hub = administered();
  hub.on("GET /users/{id}/access", () =>
    ok({
      allowed: true,
      because: [bound("syncer", { kind: "team", id: "t1" }, { kind: "group", id: "g1" })],
    }),
  );
  await openConsole(hub, "/users?id=id-bob");
  await choose("Right", "devices update");
  await userEvent.click(await button("Look it up"));
  await screen.findByText("syncer, bound to the team Night: group Line 3");
  const asked = hub.asked.findLast(({ path }) => path === "/users/id-bob/access");
  expect(Object.fromEntries(asked?.query ?? [])).toEqual({ resource: "devices", verb: "update" });
});

it("puts members into a team", async () => {
  const hub = administered();
  hub.on("GET /teams/{id}/members", () => ok([]));
  hub.on("POST /teams/{id}/members", () => ok({}));
  await openConsole(hub, "/users?tab=teams&id=t1");
  await choose("Add members", "bob");
  await userEvent.click(await button("Add members"));
  await waitFor(() =>
    expect(sent(hub, "POST", "/teams/t1/members")).toEqual({ userIds: ["id-bob"] }),
  );
});

it("makes a key of a service account", async () => {
  const hub = administered();
  hub.on("POST /api-keys", () => ok({ key: "llk_secret" }));
  await openConsole(hub, "/users?tab=services");
  await userEvent.click(await button("Actions for mes"));
  await userEvent.click(await screen.findByRole("menuitem", { name: "New API key", hidden: true }));
  await userEvent.type(await screen.findByLabelText("Name"), "export");
  const dialog = screen.getByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "New API key" }));
  expect(await screen.findByDisplayValue("llk_secret")).toBeTruthy();
  expect(sent(hub, "POST", "/api-keys")).toMatchObject({ name: "export", serviceAccountId: "s1" });
});
