import { expect, it } from "vitest";
import { type Contract, commandOf, initialValues, specsOf, titleOf } from "./specs";

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const CONTRACT: Contract = {
  components: {
    schemas: {
      DispatchBody: {
        properties: { command: { anyOf: [ref("ExecShell"), ref("PushConfig"), ref("Lost")] } },
      },
      ExecShell: {
        description: "Run a template.",
        properties: {
          type: { enum: ["exec_shell"] },
          template: { type: "string", maxLength: 8 },
          args: { type: "object", additionalProperties: { type: "string" }, default: {} },
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

it("names a command for people", () => {
  expect(titleOf("force_sync")).toBe("Force sync");
  expect(titleOf("reboot_os")).toBe("Reboot OS");
});
