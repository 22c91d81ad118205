/**
 * The commands there are, as the contract describes them: one schema a command, with what it needs,
 * who may send it and how dangerous it is. Pure; the form is made from this.
 */
import type { Role } from "../client";

export type Danger = "no" | "medium" | "yes";

export type Field = {
  name: string;
  kind: "text" | "integer" | "boolean" | "choice" | "map" | "json";
  required: boolean;
  choices: readonly string[];
  least: number | null;
  most: number | null;
  longest: number | null;
  /** What the hub takes when it is left out. */
  preset: unknown;
};

export type CommandSpec = {
  type: string;
  description: string;
  danger: Danger;
  role: Role;
  timeoutMs: number;
  fields: readonly Field[];
};

type Schema = {
  $ref?: string;
  type?: string;
  enum?: unknown[];
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  "x-danger"?: Danger;
  "x-required-role"?: Role;
  "x-default-timeout-ms"?: number;
};

export type Contract = { components: { schemas: Record<string, Schema> } };

/** Every command that can be dispatched, in the contract's order. */
export function specsOf(contract: Contract): CommandSpec[] {
  const { schemas } = contract.components;
  const all = schemas.DispatchBody?.properties?.command?.anyOf ?? [];
  return all.flatMap(({ $ref }) => {
    const schema = schemas[$ref?.split("/").at(-1) ?? ""];
    return schema === undefined ? [] : [specOf(schema)];
  });
}

function specOf(schema: Schema): CommandSpec {
  const { type, id: _, ...parameters } = schema.properties ?? {};
  return {
    type: String(type?.enum?.[0] ?? ""),
    description: schema.description ?? "",
    danger: schema["x-danger"] ?? "yes",
    role: schema["x-required-role"] ?? "ADMIN",
    timeoutMs: schema["x-default-timeout-ms"] ?? 60_000,
    fields: Object.entries(parameters).map(([name, field]) =>
      fieldOf(name, field, schema.required?.includes(name) ?? false),
    ),
  };
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const inner = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  return {
    name,
    kind: kindOf(inner),
    required,
    choices: (inner.enum ?? []).map(String),
    least: inner.minimum ?? null,
    most: inner.maximum ?? null,
    longest: inner.maxLength ?? null,
    preset: schema.default,
  };
}

function kindOf(schema: Schema): Field["kind"] {
  if (schema.enum !== undefined) return "choice";
  switch (schema.type) {
    case "integer":
    case "number":
      return "integer";
    case "boolean":
      return "boolean";
    case "object": {
      const values = schema.additionalProperties;
      return typeof values === "object" && values.type === "string" ? "map" : "json";
    }
    case "string":
      return "text";
    default:
      return "json";
  }
}

/** What stands in the fields; numbers and objects as they were typed. */
export type Values = Record<string, string | boolean>;

export function initialValues(spec: CommandSpec): Values {
  return Object.fromEntries(spec.fields.map(field => [field.name, initialValue(field)]));
}

function initialValue({ kind, preset }: Field): string | boolean {
  if (kind === "boolean") return preset === true;
  if (preset === undefined || preset === null) return "";
  return typeof preset === "object" ? "" : String(preset);
}

export type FieldProblem = "required" | "integer" | "range" | "long" | "json" | "map";

/** The command that these values make, or what is wrong with which field. */
export function commandOf(
  spec: CommandSpec,
  values: Values,
): { command: Record<string, unknown>; problems: Record<string, FieldProblem> } {
  const command: Record<string, unknown> = { type: spec.type };
  const problems: Record<string, FieldProblem> = {};
  for (const field of spec.fields) {
    const read = readField(field, values[field.name] ?? "");
    if ("problem" in read) problems[field.name] = read.problem;
    else if (read.value !== undefined) command[field.name] = read.value;
  }
  return { command, problems };
}

type Read = { value: unknown } | { problem: FieldProblem };

function readField(field: Field, typed: string | boolean): Read {
  if (typeof typed === "boolean") return { value: typed };
  const text = field.kind === "text" ? typed : typed.trim();
  if (text.trim() === "") return field.required ? { problem: "required" } : { value: undefined };
  switch (field.kind) {
    case "integer":
      return integerOf(field, text);
    case "json":
      return objectOf(text);
    case "map":
      return mapOf(text);
    default:
      return field.longest !== null && text.length > field.longest
        ? { problem: "long" }
        : { value: text };
  }
}

function integerOf({ least, most }: Field, text: string): Read {
  const value = Number(text);
  if (!Number.isInteger(value)) return { problem: "integer" };
  const outside = (least !== null && value < least) || (most !== null && value > most);
  return outside ? { problem: "range" } : { value };
}

function objectOf(text: string): Read {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { value } : { problem: "json" };
  } catch {
    return { problem: "json" };
  }
}

/** `name=value`, one a line. */
function mapOf(text: string): Read {
  const value: Record<string, string> = {};
  for (const line of text.split("\n").filter(one => one.trim() !== "")) {
    const at = line.indexOf("=");
    if (at < 1) return { problem: "map" };
    value[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return { value };
}

/** `force_sync` for people: “Force sync”; `reboot_os`: “Reboot OS”. */
export function titleOf(type: string): string {
  const words = type.replaceAll("_", " ").replace(/\bos\b/, "OS");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
