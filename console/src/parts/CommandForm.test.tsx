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

/** Of each device its own commands. */
let own: Record<string, unknown[]> = {};
let asked: string[][] = [];

const CALIBRATE = {
  type: "custom.calibrate",
  title: "Calibrate the axis",
  danger: "yes",
  redeliver: false,
  timeoutMs: 5000,
  schema: {
    type: "object",
    required: ["axis"],
    properties: { axis: { type: "string", description: "Which one." } },
  },
};

beforeEach(() => {
  onSubmit.mockClear();
  own = {};
  asked = [];
  vi.stubGlobal("fetch", async (request: Request | string) => {
    if (typeof request === "string") return Response.json(CONTRACT);
    const ids = new URL(request.url).searchParams.getAll("deviceId");
    asked.push(ids);
    const data = ids
      .map(id => own[id] ?? [])
      .reduce((all, some) => all.filter(x => some.includes(x)));
    return Response.json({ success: true, data });
  });
});

const device = (id: string, connected = true) =>
  ({ id, name: id, connected, disabled: false, quarantine: null, status: "ONLINE" }) as Device;

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
    {
      command: { type: "force_sync" },
      timeoutMs: null,
      delivery: "now",
      expiresAt: null,
      approval: false,
    },
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

it("offers the own commands that all of the devices have, and asks twice", async () => {
  own = { a: [CALIBRATE], b: [CALIBRATE] };
  renderAs("ADMIN", <CommandForm targets={[device("a"), device("b")]} onSubmit={onSubmit} />);
  await userEvent.click(await screen.findByRole("combobox", { name: "Command" }));
  await userEvent.click(await screen.findByRole("option", { name: "Calibrate the axis" }));
  expect(screen.getByText("Which one.")).toBeTruthy();
  await userEvent.type(screen.getByLabelText(/Axis/), "x");
  await userEvent.type(screen.getByLabelText(/Type 2/), "2");
  await userEvent.click(screen.getByRole("button", { name: /Calibrate the axis/ }));
  expect(onSubmit).toHaveBeenCalledWith(
    expect.objectContaining({
      command: { type: "custom", name: "calibrate", args: { axis: "x" } },
    }),
    expect.anything(),
  );
});

it("begins again with an own command that was sent before", async () => {
  own = { a: [CALIBRATE] };
  const command = { type: "custom", name: "calibrate", args: { axis: "y" } };
  renderAs(
    "ADMIN",
    <CommandForm targets={[device("a")]} start={{ command }} onSubmit={onSubmit} />,
  );
  expect(await screen.findByLabelText(/Axis/)).toHaveProperty("value", "y");
});

it("asks for many devices in parts, and no more once there is none in common", async () => {
  const many = Array.from({ length: 120 }, (_, n) => device(`d${n}`));
  own = Object.fromEntries(many.map(({ id }, n) => [id, n < 60 ? [CALIBRATE] : []]));
  renderAs("ADMIN", <CommandForm targets={many} onSubmit={onSubmit} />);
  await waitFor(() => expect(asked.map(ids => ids.length)).toEqual([50, 50]));
});

it("asks nothing for whoever may send none of them", async () => {
  own = { a: [CALIBRATE] };
  await open([device("a")], "force_sync", "OPERATOR");
  expect(asked).toEqual([]);
});
