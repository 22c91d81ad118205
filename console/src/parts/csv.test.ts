import { expect, it } from "vitest";
import { csv } from "./csv";

it("quotes what needs it, and leaves empty what is not there", () => {
  expect(
    csv([
      ["a", 1, null, undefined],
      ['say "hi"', "x,y", "two\nlines"],
    ]),
  ).toBe('a,1,,\r\n"say ""hi""","x,y","two\nlines"\r\n');
});

it.each(["=1+1", "+1", "-1", "@a", "\t=1"])("makes no formula of %j", text => {
  expect(csv([[text]]).startsWith("'")).toBe(true);
});

it("leaves numbers numbers", () => {
  expect(csv([[-1.5]])).toBe("-1.5\r\n");
});
