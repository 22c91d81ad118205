// @vitest-environment node
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { canonicalJson, type SignedCommand, signedText } from "./signedText";

type Vector = { name: string; command: SignedCommand; bytes: string; sha256: string };

/** The hub and the agent are tested with these, too. */
const FILE = new URL("../../../../tests/vectors/signed_commands.json", import.meta.url);
const VECTORS = JSON.parse(readFileSync(FILE, "utf8")) as Vector[];

it.each(VECTORS)("signs $name", ({ command, bytes, sha256 }) => {
  const text = signedText(command);
  expect(text).toBe(bytes);
  expect(createHash("sha256").update(text).digest("hex")).toBe(sha256);
});

it("signs what the page says and nothing beside it", () => {
  const [{ command, bytes }] = VECTORS as [Vector];
  const more = { ...command, later: 1 };
  expect(signedText(more)).toBe(bytes);
});

it("writes lists, nothing and texts", () => {
  expect(canonicalJson({ b: [1, "x", null, true], a: {} })).toBe('{"a":{},"b":[1,"x",null,true]}');
});
