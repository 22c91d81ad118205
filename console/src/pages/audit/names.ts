/** What a row of the audit log says, in words that people know. Pure. */
import type { AuditRow } from "./data";

/** Id → name, of whatever has a name: groups, releases, deployments, users. */
export type Names = ReadonlyMap<string, string>;

/** The name of what an id stands for; the id itself where nobody knows it. */
export function nameOf(id: string, names: Names): string {
  return names.get(id) ?? id;
}

/** What was changed and what else is known, in one line: `name: "a" → "b" groupId=Line 1`. */
export function inOneLine({ reason, changes, detail }: AuditRow, names: Names): string {
  const parts = [
    ...(reason === null ? [] : [reason]),
    ...Object.entries(changes).map(([field, change]) => `${field}: ${changed(change, names)}`),
    ...Object.entries(detail).map(([field, value]) => `${field}=${said(value, names)}`),
  ];
  return parts.length > 0 ? parts.join(" ") : "–";
}

/** A change is the old and the new value; what was before may not be known. */
export function changed(change: unknown, names: Names): string {
  if (!Array.isArray(change) || change.length !== 2) return said(change, names);
  return `${said(change[0], names)} → ${said(change[1], names)}`;
}

function said(value: unknown, names: Names): string {
  if (typeof value === "string" && names.has(value)) return nameOf(value, names);
  return JSON.stringify(value) ?? "–";
}
