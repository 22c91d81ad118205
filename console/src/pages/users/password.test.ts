// @vitest-environment node
import { expect, it } from "vitest";
import { newPassword } from "./password";

it("is long, and another one each time", () => {
  const made = new Set(Array.from({ length: 50 }, () => newPassword()));
  expect(made.size).toBe(50);
  for (const password of made) expect(password).toMatch(/^[A-Za-z2-9]{20}$/);
});

it("passes over bytes that would make some letters more likely", () => {
  let turn = 0;
  const bytes = [255, 0, 254, 1];
  const password = newPassword(array => {
    array[0] = bytes[turn++ % bytes.length] ?? 0;
  });
  expect(password).toBe("ab".repeat(10));
});
