/** What somebody typed into the fields of retention, against what counts. Pure. */
import type { Retention } from "./data";

export const FIELDS = [
  "rawHours",
  "logDays",
  "metricDays",
  "commandDays",
  "auditDays",
  "edgeDays",
  "cloudDays",
] as const satisfies readonly (keyof Retention)[];

export type Field = (typeof FIELDS)[number];
export type Typed = Partial<Record<Field, number | string>>;

export const inHours = (field: Field) => field === "rawHours";

/** The hub's own. */
export const most = (field: Field) => (inHours(field) ? 24 * 366 : 3650);

/** The hub's own: an audit that is gone in a day is none. */
export const least = (field: Field) => (field === "auditDays" ? 30 : 1);

/** Fields with another number than before; null when something is no number the hub would take. */
export function changed(now: Retention, typed: Typed): Partial<Retention> | null {
  const found: Partial<Retention> = {};
  for (const field of FIELDS) {
    const value = typed[field];
    if (value === undefined || value === now[field]) continue;
    const number = Number(value);
    if (
      value === "" ||
      !Number.isInteger(number) ||
      number < least(field) ||
      number > most(field)
    ) {
      return null;
    }
    found[field] = number;
  }
  return found;
}

/** Of a change, what means that something is deleted. */
export function lessened(now: Retention, change: Partial<Retention>): Field[] {
  return FIELDS.filter(field => (change[field] ?? now[field]) < now[field]);
}

/** `rawHours` → `LONGLINE_KEEP_RAW_HOURS` */
export function variableOf(field: Field): string {
  return `LONGLINE_KEEP_${field.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;
}
