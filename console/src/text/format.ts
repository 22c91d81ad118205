/** Times and lengths as the device's pages write them. */

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dated = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

/** In the browser's zone; `at` in milliseconds. */
export function clockTime(at: number, withDay = false): string {
  return (withDay ? dated : clock).format(at);
}

const UNITS: [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** The two largest units: `3 h 12 min`. */
export function lasting(milliseconds: number): string {
  const first = UNITS.findIndex(([, length]) => milliseconds >= length);
  if (first < 0) return "0 s";
  let rest = milliseconds;
  return UNITS.slice(first, first + 2)
    .map(([unit, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return count > 0 ? `${count} ${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
}

/** `1.4 MB`; decimal units. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  const value = count / 1000 ** power;
  return `${value.toLocaleString("en", { maximumFractionDigits: power === 0 ? 0 : 1 })} ${units[power]}`;
}
