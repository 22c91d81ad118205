/**
 * The commands there are, as the contract describes them: one schema a command, with what it needs,
 * who may send it and how dangerous it is. Pure; the form is made from this.
 */
import type { Role } from "../client";

export type Danger = "no" | "medium" | "yes";

export type Field = {
  name: string;
  /** As the schema has it; else it is made from the name. */
  title: string | null;
  description: string | null;
  /** `json` is an object, `value` any JSON. */
  kind: "text" | "integer" | "number" | "boolean" | "choice" | "map" | "json" | "value";
  required: boolean;
  /** What people choose from, and what each stands for. */
  choices: readonly string[];
  values: readonly unknown[];
  least: number | null;
  most: number | null;
  longest: number | null;
  /** What the hub takes when it is left out. */
  preset: unknown;
};

export type CommandSpec = {
  type: string;
  title: string;
  description: string;
  danger: Danger;
  role: Role;
  timeoutMs: number;
  fields: readonly Field[];
};

export type Schema = {
  $ref?: string;
  type?: string | string[];
  title?: string;
  enum?: unknown[];
  const?: unknown;
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

/** The type by which a device's own commands travel; each is known as `custom.<name>`. */
const CUSTOM = "custom";
const OWN = `${CUSTOM}.`;

export function isOwn(type: string): boolean {
  return type.startsWith(OWN);
}

/** The type of a command, as records have it. */
export function typeOf(command: { type: string; name?: unknown }): string {
  return command.type === CUSTOM ? `${OWN}${command.name}` : command.type;
}

/** The command of a record, as it is sent. */
export function commandFrom(type: string, params: Record<string, unknown>) {
  return { ...params, type: isOwn(type) ? CUSTOM : type };
}

/** Every command that each device can have, in the contract's order. */
export function specsOf(contract: Contract): CommandSpec[] {
  const { schemas } = contract.components;
  const all = schemas.DispatchBody?.properties?.command?.anyOf ?? [];
  return all.flatMap(({ $ref }) => {
    const schema = schemas[$ref?.split("/").at(-1) ?? ""];
    const spec = schema && specOf(schema);
    return spec === undefined || spec.type === CUSTOM ? [] : [spec];
  });
}

function specOf(schema: Schema): CommandSpec {
  const { type: tag, id: _, ...parameters } = schema.properties ?? {};
  const type = String(tag?.enum?.[0] ?? "");
  return {
    type,
    title: titleOf(type),
    description: schema.description ?? "",
    danger: schema["x-danger"] ?? "yes",
    role: schema["x-required-role"] ?? "ADMIN",
    timeoutMs: schema["x-default-timeout-ms"] ?? 60_000,
    fields: fieldsOf({ ...schema, properties: parameters }),
  };
}

/** The members of an object, each as a field. */
export function fieldsOf({ properties, required }: Schema): Field[] {
  return Object.entries(properties ?? {}).map(([name, field]) =>
    fieldOf(name, field, required?.includes(name) ?? false),
  );
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const inner = schema.anyOf?.find(({ type }) => type !== "null") ?? schema;
  const values = inner.enum ?? ("const" in inner ? [inner.const] : []);
  return {
    name,
    title: schema.title ?? null,
    description: schema.description ?? null,
    kind: kindOf(inner),
    required,
    choices: values.map(value => (typeof value === "string" ? value : JSON.stringify(value))),
    values,
    least: inner.minimum ?? null,
    most: inner.maximum ?? null,
    longest: inner.maxLength ?? null,
    preset: schema.default,
  };
}

function kindOf(schema: Schema): Field["kind"] {
  if (schema.enum !== undefined || "const" in schema) return "choice";
  switch (schema.type) {
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "object": {
      const values = schema.additionalProperties;
      return typeof values === "object" && isText(values) ? "map" : "json";
    }
    case "string":
      return "text";
    default:
      return "value";
  }
}

/** Also where something may stand for the text. */
function isText({ type, anyOf }: Schema): boolean {
  return type === "string" || (anyOf ?? []).some(isText);
}

/** What stands in the fields; numbers and objects as they were typed. */
export type Values = Record<string, string | boolean>;

export function initialValues(spec: CommandSpec): Values {
  return Object.fromEntries(spec.fields.map(field => [field.name, initialValue(field)]));
}

function initialValue({ kind, preset }: Field): string | boolean {
  if (kind === "boolean") return preset === true;
  if (preset === undefined || preset === null) return "";
  if (kind === "value") return JSON.stringify(preset);
  return typeof preset === "object" ? "" : String(preset);
}

export type FieldProblem =
  | "required"
  | "integer"
  | "number"
  | "range"
  | "long"
  | "json"
  | "value"
  | "map";

/** The command that these values make, or what is wrong with which field. */
export function commandOf(
  spec: CommandSpec,
  values: Values,
): { command: Record<string, unknown>; problems: Record<string, FieldProblem> } {
  const params: Record<string, unknown> = {};
  const problems: Record<string, FieldProblem> = {};
  for (const field of spec.fields) {
    const read = readField(field, values[field.name] ?? "");
    if ("problem" in read) problems[field.name] = read.problem;
    else if (read.value !== undefined) params[field.name] = read.value;
  }
  const command = isOwn(spec.type)
    ? { type: CUSTOM, name: spec.type.slice(OWN.length), args: params }
    : { type: spec.type, ...params };
  return { command, problems };
}

/** What stands in the fields for this command, as it would be typed. */
export function typedValues(command: Record<string, unknown> & { type: string }): Values {
  const { type, id: _, ...params } = command;
  const shown = type === CUSTOM ? (params.args as Record<string, unknown> | undefined) : params;
  return Object.fromEntries(
    Object.entries(shown ?? {}).map(([name, value]) => {
      if (typeof value === "boolean" || typeof value === "string") return [name, value];
      return [name, typeof value === "object" ? JSON.stringify(value, null, 2) : String(value)];
    }),
  );
}

type Read = { value: unknown } | { problem: FieldProblem };

function readField(field: Field, typed: string | boolean): Read {
  if (typeof typed === "boolean") return { value: typed };
  const text = field.kind === "text" ? typed : typed.trim();
  if (text.trim() === "") return field.required ? { problem: "required" } : { value: undefined };
  switch (field.kind) {
    case "integer":
    case "number":
      return numberOf(field, text);
    case "choice":
      return { value: field.values[field.choices.indexOf(text)] ?? text };
    case "value":
      return anyOf(text);
    case "json":
      return objectOf(text);
    case "map":
      return mapOf(text);
    default:
      return field.longest !== null && text.length > field.longest
        ? { problem: "long" }
        : { value: textOf(text) };
  }
}

function numberOf({ kind, least, most }: Field, text: string): Read {
  const value = Number(text);
  if (!Number.isFinite(value)) return { problem: kind === "number" ? "number" : "integer" };
  if (kind === "integer" && !Number.isInteger(value)) return { problem: "integer" };
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

function anyOf(text: string): Read {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { problem: "value" };
  }
}

/** `name=value`, one a line. */
function mapOf(text: string): Read {
  const value: Record<string, unknown> = {};
  for (const line of text.split("\n").filter(one => one.trim() !== "")) {
    const at = line.indexOf("=");
    if (at < 1) return { problem: "map" };
    value[line.slice(0, at).trim()] = textOf(line.slice(at + 1).trim());
  }
  return { value };
}

/** A text, or what stands for a secret: `{"$secret":"name"}`. */
function textOf(text: string): unknown {
  if (!/^\s*\{\s*"\$secret"/.test(text)) return text;
  const read = objectOf(text);
  return "value" in read ? read.value : text;
}

/** `force_sync` for people: “Force sync”; `reboot_os`: “Reboot OS”; `custom.calibrate`: “Calibrate”. */
export function titleOf(type: string): string {
  const name = isOwn(type) ? type.slice(OWN.length).replaceAll("-", " ") : type;
  const words = name.replaceAll("_", " ").replace(/\bos\b/, "OS");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
