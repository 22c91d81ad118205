import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it, vi } from "vitest";
import type { Role } from "../api/client";
import type { Device } from "../live/standing";
import { renderAs } from "../testing/render";
import { CommandForm } from "./CommandForm";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const CONTRACT = {
  components: {
    schemas: {
      DispatchBody: { properties: { command: { anyOf: [ref("Sync"), ref("Disable")] } } },
      Sync: {
        properties: { type: { enum: ["force_sync"] } },
        "x-danger": "no",
        "x-required-role": "OPERATOR",
      },
      Disable: {
        properties: { type: { enum: ["disable_device"] }, reason: { type: "string" } },
        required: ["reason"],
        "x-danger": "yes",
        "x-required-role": "ADMIN",
      },
    },
  },
};
const onSubmit = vi.fn(async () => undefined);

beforeEach(() => {
  onSubmit.mockClear();
  vi.stubGlobal("fetch", async () => Response.json(CONTRACT));
});

const device = (id: string, connected = true) =>
  ({ id, name: id, connected, disabled: false, status: "ONLINE" }) as Device;

const open = (targets: Device[], type: string, role: Role = "ADMIN") => {
  renderAs(
    role,
    <CommandForm targets={targets} start={{ command: { type } }} onSubmit={onSubmit} />,
  );
  return screen.findByRole("button", { name: /sync|disable/i });
};

it("sends what is harmless at once, with a key", async () => {
  await userEvent.click(await open([device("a")], "force_sync"));
  expect(onSubmit).toHaveBeenCalledWith(
    { command: { type: "force_sync" }, timeoutMs: null, delivery: "now", expiresAt: null },
    expect.stringMatching(/^\w{12,}$/),
  );
});

it("wants the name of one device typed before something dangerous, and its reason", async () => {
  const button = await open([device("filler-1")], "disable_device");
  expect(button).toHaveProperty("disabled", true);
  await userEvent.type(screen.getByLabelText("Type filler-1 to confirm"), "filler-1");
  await userEvent.click(button);
  expect(screen.getByText("This field is required.")).toBeTruthy();
  expect(onSubmit).not.toHaveBeenCalled();
  await userEvent.type(screen.getByLabelText(/Reason/), "repair");
  await userEvent.click(button);
  expect(onSubmit).toHaveBeenCalledOnce();
});

it("wants the count of many", async () => {
  const button = await open([device("a"), device("b", false)], "disable_device");
  expect(screen.getByText("1 connected")).toBeTruthy();
  expect(screen.getByText("1 not connected, fail at once")).toBeTruthy();
  await userEvent.type(screen.getByLabelText(/Type 2/), "3");
  expect(button).toHaveProperty("disabled", true);
  await userEvent.clear(screen.getByLabelText(/Type 2/));
  await userEvent.type(screen.getByLabelText(/Type 2/), "2");
  expect(button).toHaveProperty("disabled", false);
});

it("offers a role what it may send", async () => {
  await open([device("a")], "force_sync", "OPERATOR");
  await userEvent.click(screen.getByRole("combobox", { name: "Command" }));
  await waitFor(() => expect(screen.getByRole("option", { name: "Force sync" })).toBeTruthy());
  expect(screen.queryByRole("option", { name: "Disable device" })).toBeNull();
});
