import { encode } from "uqr";
import { expect, it } from "vitest";
import { pathOf } from "./QrCode";

it("each run of black in a row is one rectangle", () => {
  expect(
    pathOf([
      [true, true, false],
      [false, false, false],
      [true, false, true],
    ]),
  ).toBe("M0 0h2v1h-2zM0 2h1v1h-1zM2 2h1v1h-1z");
});

it("an address of an authenticator program fits, with its three corners", () => {
  const { data, size } = encode(
    `otpauth://totp/Longline:${"n".repeat(128)}?secret=${"A".repeat(32)}`,
    {
      ecc: "M",
      border: 0,
    },
  );
  const corner = (y: number, x: number) => data[y]?.slice(x, x + 7).every(Boolean);
  expect([corner(0, 0), corner(0, size - 7), corner(size - 7, 0)]).toEqual([true, true, true]);
});
