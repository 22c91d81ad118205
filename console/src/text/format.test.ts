import { expect, it } from "vitest";
import { bytes, lasting } from "./format";

it.each([
  [400, "0 s"],
  [59_999, "59 s"],
  [3_600_000, "1 h"],
  [11_520_000, "3 h 12 min"],
  [90_061_000, "1 d 1 h"],
])("writes %i ms as %s", (length, text) => expect(lasting(length)).toBe(text));

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1400, "1.4 kB"],
  [24_700_000, "24.7 MB"],
])("writes %i bytes as %s", (count, text) => expect(bytes(count)).toBe(text));
