/** Named values as they are typed: of a secret, of a config map. Pure. */

export type Data = { [key: string]: string };
export type Row = { key: string; value: string };

/** What one value is called, unless somebody says otherwise. */
export const ONE = "value";

export const rowsOf = (data: Data): Row[] => {
  const rows = Object.entries(data).map(([key, value]) => ({ key, value }));
  return rows.length > 0 ? rows : [{ key: ONE, value: "" }];
};

/** Keys whose values nobody reads back. */
export const unread = (keys: readonly string[]): Data =>
  Object.fromEntries(keys.map(key => [key, ""]));

export function isTwice(rows: readonly Row[]): boolean {
  return new Set(rows.map(({ key }) => key.trim())).size < rows.length;
}

/** Null while something is missing. */
export function dataOf(rows: readonly Row[], { mayBeEmpty = false } = {}): Data | null {
  const typed = rows.every(({ key, value }) => key.trim() !== "" && (mayBeEmpty || value !== ""));
  if (!typed || isTwice(rows)) return null;
  return Object.fromEntries(rows.map(({ key, value }) => [key.trim(), value]));
}
