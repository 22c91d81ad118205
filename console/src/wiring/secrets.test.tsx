/** Secrets on the page of settings. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { openConsole } from "../testing/console";
import { FakeHub, list, ok, refused } from "../testing/hub";

const AT = "2026-01-01T00:00:00.000Z";
const secret = (name: string, keys: string[]) => ({
  id: name,
  name,
  keys,
  hash: "h",
  version: 1,
  createdAt: AT,
  createdBy: "anna",
  updatedAt: AT,
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

it("are listed by name, made, given other values and deleted", async () => {
  const kept = [secret("wifi", ["user", "password"])];
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /secrets", () => list(kept));
  hub.on("POST /secrets", () => ok(secret("api", ["value"])));
  hub.on("PUT /secrets/{name}", () => ok(kept[0]));
  hub.on("DELETE /secrets/{name}", () => {
    kept.length = 0;
    return ok(null);
  });
  await openConsole(hub, "/settings");
  await screen.findByText("user, password");

  await userEvent.click(await button("New secret…"));
  await fill("Name", "api");
  await fill("Value 1", "line 1\nline 2");
  await userEvent.click(await button("Keep"));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(sent(hub, "POST", "/secrets")).toEqual({
    name: "api",
    data: { value: "line 1\nline 2" },
  });

  await userEvent.click(await button("Replace…"));
  await fill("Value 1", "anna");
  expect((await button("Keep")).hasAttribute("disabled")).toBe(true);
  await fill("Value 2", "horse");
  await userEvent.click(await button("Keep"));
  await waitFor(() =>
    expect(sent(hub, "PUT", "/secrets/wifi")).toEqual({
      data: { user: "anna", password: "horse" },
    }),
  );

  await userEvent.click(await button("Delete the secret wifi"));
  await userEvent.click(await button("Delete"));
  await screen.findByText("No secrets.");
});

it("stay in their dialog when the hub refuses them", async () => {
  const hub = new FakeHub("ADMIN", []);
  hub.on("GET /secrets", () => list([]));
  hub.on("POST /secrets", () => refused(409, "conflict"));
  await openConsole(hub, "/settings");
  await userEvent.click(await button("New secret…"));
  await fill("Name", "wifi");
  await fill("Value 1", "horse");
  await userEvent.click(await button("Keep"));
  await within(await screen.findByRole("dialog")).findByRole("alert");
  const value = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Value 1" });
  expect(value.value).toBe("horse");
});

it("are not shown to who may not list them", async () => {
  await openConsole(new FakeHub("MANAGER", []), "/settings");
  await screen.findByRole("heading", { level: 1, name: "Settings" });
  expect(screen.queryByText("Secrets")).toBeNull();
});
