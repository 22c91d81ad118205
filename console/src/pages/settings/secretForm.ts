/** The values of a secret as they are typed. Pure. */
import type { SecretData } from "../../api/secrets";

export type Row = { key: string; value: string };

/** What a secret of one value calls it, unless somebody says otherwise. */
export const ONE = "value";

export const rowsOf = (keys: readonly string[]): Row[] =>
  (keys.length > 0 ? keys : [ONE]).map(key => ({ key, value: "" }));

export function isTwice(rows: readonly Row[]): boolean {
  return new Set(rows.map(({ key }) => key.trim())).size < rows.length;
}

/** Null while something is missing. */
export function dataOf(rows: readonly Row[]): SecretData | null {
  const typed = rows.every(({ key, value }) => key.trim() !== "" && value !== "");
  if (!typed || isTwice(rows)) return null;
  return Object.fromEntries(rows.map(({ key, value }) => [key.trim(), value]));
}
