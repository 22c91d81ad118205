import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { patiently } from "./retry";

const DEVICES = "http://localhost/api/v1/devices";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Refuses so many times, and says when to come again. */
function limited(refusals: number, retryAfter = "4") {
  let asked = 0;
  return vi.fn(async () => {
    asked += 1;
    const headers = { "Retry-After": retryAfter };
    return asked > refusals ? new Response("[]") : new Response("", { status: 429, headers });
  });
}

it("asks a read again when the hub says so, and not before", async () => {
  const send = limited(1);
  const answer = patiently(new Request(DEVICES), send);
  await vi.advanceTimersByTimeAsync(3900);
  expect(send).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(200);
  expect((await answer).status).toBe(200);
});

it("gives up after three", async () => {
  const send = limited(9, "nonsense");
  const answer = patiently(new Request(DEVICES), send);
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await answer).status).toBe(429);
  expect(send).toHaveBeenCalledTimes(3);
});

it("never repeats what is not a read", async () => {
  const send = limited(1);
  const answer = await patiently(new Request(DEVICES, { method: "POST", body: "{}" }), send);
  expect(answer.status).toBe(429);
  expect(send).toHaveBeenCalledTimes(1);
});

it("waits no longer than whoever asks", async () => {
  const leaving = new AbortController();
  const send = limited(1);
  const answer = patiently(new Request(DEVICES, { signal: leaving.signal }), send);
  const left = expect(answer).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(100);
  leaving.abort();
  await left;
  expect(send).toHaveBeenCalledTimes(1);
});
