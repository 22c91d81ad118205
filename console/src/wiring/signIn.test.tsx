/** By what people sign in beside a password of the hub. */
import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { device } from "../testing/device";
import { FakeHub, ok, refused } from "../testing/hub";

const START = "https://hub.example.org/api/v1/auth/oidc/p1/start";

function stranger(): FakeHub {
  const hub = new FakeHub("VIEWER", [device({ name: "Filler" })]);
  hub.on("POST /auth/refresh", () => refused(401, "unauthenticated"));
  hub.on("GET /auth/providers", () =>
    ok([
      { id: "password", kind: "password", name: "Password", startUrl: null },
      { id: "p1", kind: "oidc", name: "Works account", startUrl: START },
      { id: "p2", kind: "ldap", name: "Plant directory", startUrl: null },
    ]),
  );
  hub.on("POST /auth/login", () => ok(hub.login("VIEWER")));
  return hub;
}

it("a provider's page is a link that comes back to where somebody was going", async () => {
  await openConsole(stranger(), "/devices?status=ONLINE");
  const link = await screen.findByRole("link", { name: "Sign in by Works account" });
  const { origin, pathname, searchParams } = new URL(link.getAttribute("href") ?? "");
  expect(origin + pathname).toBe(START);
  expect(searchParams.get("returnTo")).toBe("/devices?status=ONLINE");
});

it("a directory is a choice beside the hub's own passwords", async () => {
  const hub = stranger();
  await openConsole(hub, "/devices");
  await userEvent.click(await screen.findByRole("combobox", { name: "Sign in with" }));
  await userEvent.click(
    await screen.findByRole("option", { name: "Plant directory", hidden: true }),
  );
  await userEvent.type(screen.getByLabelText("Username"), "ann");
  await userEvent.type(screen.getByLabelText("Password"), "secret");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  await screen.findByRole("row", { name: /Filler/ });
  const sent = hub.asked.find(({ path }) => path === "/auth/login");
  expect(sent?.body).toEqual({
    username: "ann",
    password: "secret",
    cookie: true,
    provider: "p2",
  });
});

it.each([
  ["no_account", /there is no account of yours here/],
  ["bad_answer", /did not let you in/],
  ["state_expired", /took too long/],
  ["provider_unavailable", /does not answer at the moment/],
  ["something_new", /Signing in by the provider did not work/],
])("why a provider has not let somebody in is a sentence: %s", async (error, said) => {
  await openConsole(stranger(), `/login?error=${error}`);
  expect((await screen.findByText(said)).getAttribute("role")).toBe("alert");
});

it("a session that lacks what is asked says so, and what to do", async () => {
  const hub = new FakeHub("NONE");
  hub.me.lacks = "passkey";
  await openConsole(hub, "/");
  await screen.findByRole("heading", { level: 1, name: "Your organisation asks for more." });
  expect(screen.getByRole("button", { name: "Add a passkey" })).toBeTruthy();
});
