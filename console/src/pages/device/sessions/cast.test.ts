import { expect, test } from "vitest";
import { castOf } from "./cast";

const HEAD = '{"version":2,"width":100,"height":30,"timestamp":1}';

test("a recording is a header and events", () => {
  const cast = castOf(`${HEAD}\n[0.5,"o","hi"]\n[1,"r","80x24"]\n`);
  expect(cast).toMatchObject({ width: 100, height: 30, truncated: false });
  expect(cast.events).toEqual([
    { at: 0.5, what: "output", text: "hi" },
    { at: 1, what: "resize", columns: 80, rows: 24 },
  ]);
});

test("long pauses are shortened", () => {
  const cast = castOf(`${HEAD}\n[1,"o","a"]\n[61,"o","b"]\n[62,"o","c"]`);
  expect(cast.events.map(({ at }) => at)).toEqual([1, 3, 4]);
});

test("what was cut is said, and lines that are none are passed over", () => {
  const cast = castOf(
    '{"version":2,"truncated":true}\nno line\n[1,"o","a"]\n[2,"x","b"]\n[3,"r",""]',
  );
  expect(cast.truncated).toBe(true);
  expect([cast.width, cast.height]).toEqual([80, 24]);
  expect(cast.events).toEqual([{ at: 1, what: "output", text: "a" }]);
});
