/** The fields of a provider as a form has them, by its kind. */
import type { ProviderDetail, ProviderFields, ProviderKind } from "../../api/providers";

export type Field = {
  name: keyof ProviderFields;
  /** How it is typed: a line, several words, a text, a secret, or yes and no. */
  kind: "line" | "words" | "text" | "secret" | "switch" | "number";
  /** It cannot be left out. */
  needed?: boolean;
};
export type Values = Partial<Record<Field["name"], string | boolean>>;

export const FIELDS: Record<ProviderKind, readonly Field[]> = {
  oidc: [
    { name: "issuer", kind: "line", needed: true },
    { name: "clientId", kind: "line", needed: true },
    { name: "clientSecret", kind: "secret" },
    { name: "scopes", kind: "words" },
    { name: "create", kind: "switch" },
    { name: "emailDomains", kind: "words" },
    { name: "groupsClaim", kind: "line" },
    { name: "sessionHours", kind: "number" },
  ],
  ldap: [
    { name: "url", kind: "line", needed: true },
    { name: "startTls", kind: "switch" },
    { name: "caPem", kind: "text" },
    { name: "bindDn", kind: "line", needed: true },
    { name: "bindPassword", kind: "secret", needed: true },
    { name: "baseDn", kind: "line", needed: true },
    { name: "userFilter", kind: "line" },
    { name: "groupFilter", kind: "line" },
    { name: "create", kind: "switch" },
    { name: "sessionHours", kind: "number" },
  ],
};

/** As the form begins; a secret is never known. */
export function valuesOf(provider: ProviderDetail): Values {
  const values: Values = {};
  for (const { name, kind } of FIELDS[provider.kind]) {
    const value = provider.settings[name];
    if (kind === "secret" || value === undefined || value === null) continue;
    if (kind === "switch") values[name] = value === true;
    else values[name] = Array.isArray(value) ? value.join(" ") : String(value);
  }
  return values;
}

/** What is sent: what was left empty stays as the hub has it. */
export function bodyOf(kind: ProviderKind, values: Values): ProviderFields {
  const body: Record<string, unknown> = {};
  for (const field of FIELDS[kind]) {
    const value = values[field.name];
    if (value === undefined || value === "") continue;
    body[field.name] = sent(field, value);
  }
  return body as ProviderFields;
}

function sent({ kind }: Field, value: string | boolean): unknown {
  if (typeof value === "boolean") return value;
  if (kind === "words") return value.split(/[\s,]+/).filter(word => word !== "");
  return kind === "number" ? Number(value) : value.trim();
}

/** Whether all is there that is needed; a secret that the hub has need not be typed again. */
export const isComplete = (kind: ProviderKind, values: Values, hasSecret: boolean): boolean =>
  FIELDS[kind].every(
    ({ name, kind: how, needed }) =>
      needed !== true ||
      (how === "secret" && hasSecret) ||
      String(values[name] ?? "").trim() !== "",
  );
