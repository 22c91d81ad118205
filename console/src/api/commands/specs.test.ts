import { expect, it } from "vitest";
import { inCommon, specOf } from "./own";
import {
  type Contract,
  commandFrom,
  commandOf,
  initialValues,
  specsOf,
  titleOf,
  typedValues,
  typeOf,
} from "./specs";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const CONTRACT: Contract = {
  components: {
    schemas: {
      DispatchBody: {
        properties: {
          command: { anyOf: [ref("ExecShell"), ref("PushConfig"), ref("Lost"), ref("Custom")] },
        },
      },
      ExecShell: {
        description: "Run a template.",
        properties: {
          type: { enum: ["exec_shell"] },
          template: { type: "string", maxLength: 8 },
          args: {
            type: "object",
            additionalProperties: { anyOf: [{ type: "string" }, ref("SecretReference")] },
            default: {},
          },
          lines: { type: "integer", minimum: 1, maximum: 100, default: 20 },
          level: { enum: ["INFO", "WARN"] },
          loud: { type: "boolean", default: true },
          note: { anyOf: [{ type: "null" }, { type: "string" }] },
          id: { type: "string" },
        },
        required: ["type", "template"],
        "x-danger": "medium",
        "x-required-role": "OPERATOR",
        "x-default-timeout-ms": 5000,
      },
      Custom: { properties: { type: { enum: ["custom"] }, name: { type: "string" } } },
      PushConfig: {
        properties: { type: { enum: ["push_config"] }, patch: { type: "object" } },
        required: ["patch"],
      },
    },
  },
};

const [exec, push] = specsOf(CONTRACT);
if (exec === undefined || push === undefined) throw new Error("no specs");

it("reads each command from its schema; the id is not for people", () => {
  expect(exec).toMatchObject({
    type: "exec_shell",
    danger: "medium",
    role: "OPERATOR",
    timeoutMs: 5000,
  });
  expect(exec.fields.map(({ name, kind, required }) => [name, kind, required])).toEqual([
    ["template", "text", true],
    ["args", "map", false],
    ["lines", "integer", false],
    ["level", "choice", false],
    ["loud", "boolean", false],
    ["note", "text", false],
  ]);
});

it("takes a command that says nothing of itself for dangerous, and for administrators", () => {
  expect(push).toMatchObject({ danger: "yes", role: "ADMIN" });
});

it("begins with what the hub would take", () => {
  expect(initialValues(exec)).toEqual({
    template: "",
    args: "",
    lines: "20",
    level: "",
    loud: true,
    note: "",
  });
});

it("makes the command, without what is empty", () => {
  const values = {
    template: "df",
    args: "path=/var\n\nunit = MiB",
    lines: " 5 ",
    level: "WARN",
    loud: false,
    note: "",
  };
  expect(commandOf(exec, values)).toEqual({
    command: {
      type: "exec_shell",
      template: "df",
      args: { path: "/var", unit: "MiB" },
      lines: 5,
      level: "WARN",
      loud: false,
    },
    problems: {},
  });
});

it("takes what stands for a secret in the place of a text", () => {
  const args = 'password = {"$secret":"wifi/key"}\nodd={"$secret":\nplain={"a":1}';
  const { command } = commandOf(exec, { ...initialValues(exec), template: "df", args });
  expect(command.args).toEqual({
    password: { $secret: "wifi/key" },
    odd: '{"$secret":',
    plain: '{"a":1}',
  });
});

it.each([
  ["template", " ", "required"],
  ["template", "much too long", "long"],
  ["lines", "many", "integer"],
  ["lines", "1.5", "integer"],
  ["lines", "0", "range"],
  ["lines", "101", "range"],
  ["args", "path", "map"],
  ["args", "=path", "map"],
])("says of %s %j: %s", (field, value, problem) => {
  const values = { ...initialValues(exec), template: "df", [field]: value };
  expect(commandOf(exec, values).problems).toEqual({ [field]: problem });
});

it.each(["{", "[1]", "null", "7"])("wants an object, and %s is none", patch => {
  expect(commandOf(push, { patch }).problems).toEqual({ patch: "json" });
});

it("passes an object on as it is", () => {
  expect(commandOf(push, { patch: '{"a":{"b":null}}' }).command.patch).toEqual({ a: { b: null } });
});

const item = {
  type: "custom.calibrate",
  title: "Calibrate the axis",
  danger: "medium" as const,
  redeliver: true,
  timeoutMs: 7000,
  schema: {
    type: "object",
    required: ["axis"],
    properties: {
      axis: { enum: ["x", "y", 3], title: "Axis", description: "Which one." },
      speed: { type: "number", maximum: 2.5 },
      points: { type: "array", items: { type: "integer" }, default: [1] },
      exact: { const: true },
    },
  },
};

it("makes a form of a device's own command, and sends it as custom", () => {
  expect(specsOf(CONTRACT).map(({ type }) => type)).toEqual(["exec_shell", "push_config"]);
  const own = specOf(item);
  expect(own).toMatchObject({ title: "Calibrate the axis", danger: "medium", role: "ADMIN" });
  expect(own.fields.map(({ kind, title }) => [kind, title])).toEqual([
    ["choice", "Axis"],
    ["number", null],
    ["value", null],
    ["choice", null],
  ]);
  expect(initialValues(own)).toEqual({ axis: "", speed: "", points: "[1]", exact: "" });
  const values = { axis: "3", speed: "1.5", points: "[2]", exact: "true" };
  const { command } = commandOf(own, values);
  const args = { axis: 3, speed: 1.5, points: [2], exact: true };
  expect(command).toEqual({ type: "custom", name: "calibrate", args });
  expect(typeOf({ type: "custom", name: "calibrate" })).toBe("custom.calibrate");
  expect(
    typedValues({ type: "custom", name: "calibrate", args: { axis: "x", speed: 1.5 } }),
  ).toEqual({ axis: "x", speed: "1.5" });
  expect(commandFrom("custom.calibrate", { name: "calibrate", args })).toEqual(command);
  expect(commandFrom("pull_logs", { lines: 5 })).toEqual({ type: "pull_logs", lines: 5 });
});

it.each([
  ["axis", "", "required"],
  ["speed", "fast", "number"],
  ["speed", "3", "range"],
  ["points", "[1", "value"],
])("says of an own command's %s %j: %s", (field, value, problem) => {
  const values = { axis: "x", [field]: value };
  expect(commandOf(specOf(item), values).problems).toEqual({ [field]: problem });
});

it("offers of many devices what all of them have, on the strictest terms", () => {
  const wild = { ...item, danger: "yes" as const, redeliver: false, timeoutMs: 9000 };
  expect(inCommon(null, [item])).toEqual([item]);
  expect(inCommon([item], [wild])).toEqual([wild]);
  expect(inCommon([wild], [item])).toEqual([wild]);
  expect(inCommon([item], [{ ...item, schema: {} }])).toEqual([]);
  expect(inCommon([item], [{ ...item, type: "custom.paint" }])).toEqual([]);
});

it("names a command for people", () => {
  expect(titleOf("custom.turn-it_off")).toBe("Turn it off");
  expect(titleOf("force_sync")).toBe("Force sync");
  expect(titleOf("reboot_os")).toBe("Reboot OS");
});
