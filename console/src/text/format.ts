/**
 * Every number, size, length and time as it is shown: the language of numbers and dates is chosen
 * here and nowhere else. Times are in the browser's zone. Pure.
 */

const NUMBERS = "en";
/** Day before month, 24 hours. */
const DATES = "en-GB";

export const NONE = "–";
/** The zone of the browser, by its IANA name. */
export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const plain = new Intl.NumberFormat(NUMBERS);
const compact = new Intl.NumberFormat(NUMBERS, { notation: "compact", maximumFractionDigits: 1 });
const oneDecimal = new Intl.NumberFormat(NUMBERS, { maximumFractionDigits: 1 });
const fourDigits = new Intl.NumberFormat(NUMBERS, { maximumSignificantDigits: 4 });
const sevenDigits = new Intl.NumberFormat(NUMBERS, { maximumSignificantDigits: 7 });

/** `12,345`: a count, as it is. */
export function number(value: number): string {
  return plain.format(value);
}

/** For a narrow column: three digits that count, `12.3`, `1,235`, `123.5K`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return compact.format(value);
  return number(Number(value.toPrecision(size >= 1000 ? 4 : 3)));
}

/** For a chart: four digits, with separators; as a power of ten where there are too many. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e12)) return value.toExponential(2);
  return (size >= 1000 ? sevenDigits : fourDigits).format(value);
}

const BYTES = ["B", "kB", "MB", "GB", "TB", "PB"];

/** `1.4 MB`; decimal units. */
export function bytes(count: number): string {
  let value = count;
  let power = 0;
  // By what will be written: 999,960 bytes are no “1,000 kB”.
  while (Math.abs(value) >= (power === 0 ? 1000 : 999.95) && power < BYTES.length - 1) {
    value /= 1000;
    power += 1;
  }
  return `${power === 0 ? number(Math.round(value)) : oneDecimal.format(value)} ${BYTES[power]}`;
}

/** Metrics that count bytes say so in the last part of their name: `disk.free.bytes`, `net.bytesSent`. */
const COUNTS_BYTES = /(^|[._])bytes([A-Z]\w*)?$/;

/** The value of a metric with its unit where the name tells one, else by `write`. */
export function measure(
  metric: string,
  value: number | null | undefined,
  write: (value: number) => string,
): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  return COUNTS_BYTES.test(metric) ? bytes(value) : write(value);
}

/** `98 %` of a share from 0 to 1; nearly all is not `100 %`, and hardly any is not `0 %`. */
export function percent(share: number, decimals = 0): string {
  const value = 100 * share;
  for (let digits = decimals; digits < 4; digits += 1) {
    const written = Number(value.toFixed(digits));
    if ((written !== 100 || value === 100) && (written !== 0 || value === 0)) {
      return `${number(written)} %`;
    }
  }
  return value > 50 ? "> 99.999 %" : "< 0.001 %";
}

const LENGTHS: readonly [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** The two largest units of a length, whole: `3 h 12 min`. */
export function lasting(milliseconds: number): string {
  const first = LENGTHS.findIndex(([, length]) => milliseconds >= length);
  if (first < 0) return "0 s";
  let rest = milliseconds;
  return LENGTHS.slice(first, first + 2)
    .map(([unit, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return count > 0 ? `${count} ${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
}

/** How long something took: `340 ms`, `1.2 s`, then as `lasting`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = (milliseconds / 1000).toFixed(1);
  return Number(seconds) < 60 ? `${seconds} s` : lasting(Math.round(milliseconds / 1000) * 1000);
}

const clock = new Intl.DateTimeFormat(DATES, { hour: "2-digit", minute: "2-digit" });
const dayAndClock = new Intl.DateTimeFormat(DATES, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const exact = new Intl.DateTimeFormat(DATES, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const day = new Intl.DateTimeFormat(DATES, { day: "2-digit", month: "short" });
const absolute = new Intl.DateTimeFormat(DATES, { dateStyle: "medium", timeStyle: "medium" });
const zone = new Intl.DateTimeFormat(DATES, { timeZoneName: "shortOffset" });
const relative = new Intl.RelativeTimeFormat(NUMBERS, { style: "narrow", numeric: "always" });

/** `14:05`, or with its day; `at` in milliseconds. */
export function clockTime(at: number, withDay = false): string {
  return (withDay ? dayAndClock : clock).format(at);
}

/** Longer spans name the day at every time. */
const ONE_DAY_MS = 129_600_000;

/** A time within a span of so many milliseconds: with its day where the clock alone would not tell. */
export function timeWithin(at: number, spanMs: number): string {
  return clockTime(at, spanMs > ONE_DAY_MS);
}

/** The same beside an axis, where midnight is the day that begins. */
export function axisTime(at: number, spanMs: number): string {
  const date = new Date(at);
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  return isMidnight ? day.format(date) : timeWithin(at, spanMs);
}

/** `14:05:09.250`, with the day unless it is the day of `now`; both in milliseconds. */
export function exactTime(at: number, now: number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date(now).toDateString();
  return isToday ? exact.format(date) : `${day.format(date)} ${exact.format(date)}`;
}

/** The full time with its zone; `moment` in RFC 3339. */
export function absoluteTime(moment: string): string {
  const date = new Date(moment);
  const named = zone.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value;
  return `${absolute.format(date)} ${named ?? ""}`;
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];
/** Clocks are read every few seconds: what is a little ahead is no future. */
const JUST_NOW_MS = 5000;
const AHEAD_MS = 30_000;

/** `5m ago`, against `now` milliseconds. */
export function relativeTime(moment: string, now: number, justNow: string): string {
  const apart = Date.parse(moment) - now;
  if (apart > -JUST_NOW_MS && apart < AHEAD_MS) return justNow;
  for (const [unit, length] of STEPS) {
    if (Math.abs(apart) >= length) return relative.format(Math.trunc(apart / length), unit);
  }
  return justNow;
}

const collator = new Intl.Collator(NUMBERS, { numeric: true, sensitivity: "base" });

/** The order of names for people: `line 2` before `line 10`. */
export const inOrder = collator.compare;
