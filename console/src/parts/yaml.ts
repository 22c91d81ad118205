/** A value of JSON as YAML that reads well, and is read back as the same. Pure. */
import type { Json } from "./document";

/** Neither a number, a date, nor a word that means something else. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z_/][\w./@+-]*(?::[\w./@+-]+)*$/i;
/** Lines that a block keeps as they are. */
const BLOCK = /^[^\s\p{Cc}](?:[^\p{Cc}\u2028\u2029\ufeff]|\n)*$/u;

/** Ends with a line break. */
export function yamlOf(value: Json): string {
  return isNested(value) ? `${lines(value, "").join("\n")}\n` : `${scalar(value, "")}\n`;
}

function isNested(value: Json): value is Json[] | { [name: string]: Json } {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function lines(value: Json[] | { [name: string]: Json }, margin: string): string[] {
  if (Array.isArray(value)) return value.flatMap(item => itemOf(item, margin));
  return Object.entries(value).flatMap(([name, item]) => {
    const key = `${margin}${text(name)}:`;
    if (!isNested(item)) return `${key} ${scalar(item, `${margin}  `)}`;
    return [key, ...lines(item, `${margin}  `)];
  });
}

/** The first line of what is nested stands behind the dash. */
function itemOf(item: Json, margin: string): string[] {
  if (!isNested(item)) return [`${margin}- ${scalar(item, `${margin}  `)}`];
  const [first = "", ...others] = lines(item, `${margin}  `);
  return [`${margin}- ${first.slice(margin.length + 2)}`, ...others];
}

function scalar(value: Json, margin: string): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (!value.includes("\n") || !BLOCK.test(value)) return text(value);
  const kept = value.endsWith("\n") ? value.slice(0, -1) : value;
  if (kept.endsWith("\n")) return text(value);
  const body = kept.split("\n").map(line => (line === "" ? "" : margin + line));
  return [value.endsWith("\n") ? "|" : "|-", ...body].join("\n");
}

/** JSON leaves these as they are; YAML takes some of them for line breaks. */
const ODD = /[\u007f-\u009f\u2028\u2029\ufeff]/g;
const escaped = (odd: string) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, "0")}`;

const text = (value: string): string =>
  PLAIN.test(value) ? value : JSON.stringify(value).replace(ODD, escaped);
