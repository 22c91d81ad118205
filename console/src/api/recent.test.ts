import { afterEach, expect, it, vi } from "vitest";
import { Problem } from "./problem";
import { askWith, recently } from "./recent";

const refusal = new Problem("reauthenticate", 403, "Sign in again", "");
let leave = () => {};
afterEach(() => leave());

function refusedOnce() {
  let refused = false;
  return vi.fn(async () => {
    if (refused) return "done";
    refused = true;
    throw refusal;
  });
}

it("makes the call once more after the password", async () => {
  const ask = vi.fn(async () => true);
  leave = askWith(ask);
  const call = refusedOnce();
  expect(await recently(call)).toBe("done");
  expect([call.mock.calls.length, ask.mock.calls.length]).toEqual([2, 1]);
});

it("raises the refusal when nobody types it, or nobody can be asked", async () => {
  leave = askWith(async () => false);
  await expect(recently(refusedOnce())).rejects.toBe(refusal);
  leave();
  await expect(recently(refusedOnce())).rejects.toBe(refusal);
});

it("asks for nothing else", async () => {
  const ask = vi.fn(async () => true);
  leave = askWith(ask);
  const other = new Problem("forbidden", 403, "No", "");
  await expect(recently(() => Promise.reject(other))).rejects.toBe(other);
  expect(ask).not.toHaveBeenCalled();
});
