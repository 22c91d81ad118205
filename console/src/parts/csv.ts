/** Comma-separated values (RFC 4180) that a spreadsheet does not run as formulas. */

export function csv(rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  return rows.map(row => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string | number | null | undefined): string {
  if (typeof value === "number") return String(value);
  const text = value ?? "";
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lets the browser save it. */
export function download(name: string, content: string, type = "text/csv"): void {
  const address = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
