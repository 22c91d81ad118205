import { expect, test } from "vitest";
import { resized, said, typed } from "./channels";

const bytes = (channel: number, text: string) =>
  new Uint8Array([channel, ...new TextEncoder().encode(text)]);

test("what is typed goes to standard input, in pieces that a message takes", () => {
  expect(typed("é")).toEqual([new Uint8Array([0, 0xc3, 0xa9])]);
  expect(typed("x".repeat(40_000)).map(({ length }) => length)).toEqual([32_768, 7_234]);
  expect(typed("")).toEqual([]);
});

test("a size is said as Kubernetes says it", () => {
  expect(resized(80, 24)).toEqual(bytes(4, '{"Width":80,"Height":24}'));
});

test("what the device says", () => {
  expect(said(bytes(1, "out"))).toEqual({ what: "output", bytes: bytes(1, "out").subarray(1) });
  expect(said(bytes(2, "err"))?.what).toBe("output");
  expect(said(bytes(3, '{"info":{"dropped":3}}'))).toEqual({ what: "dropped", lines: 3 });
  expect(said(bytes(3, '{"status":"Success"}'))).toEqual({ what: "ended", message: null });
  expect(said(bytes(3, '{"status":"Failure","message":"exit code 3"}'))).toEqual({
    what: "ended",
    message: "exit code 3",
  });
});

test.each([bytes(3, "no JSON"), bytes(3, '{"info":{}}'), bytes(9, "x"), new Uint8Array()])(
  "what means nothing here",
  message => {
    expect(said(message)).toBeNull();
  },
);
