// @vitest-environment node
import { expect, it } from "vitest";
import { changed, lessened, variableOf } from "./retention";

const NOW = {
  rawHours: 48,
  logDays: 30,
  metricDays: 30,
  commandDays: 90,
  auditDays: 400,
  edgeDays: 90,
  cloudDays: 7,
};

it("finds what is another number than before", () => {
  expect(changed(NOW, { rawHours: 24, logDays: 30, auditDays: 500 })).toEqual({
    rawHours: 24,
    auditDays: 500,
  });
  expect(changed(NOW, {})).toEqual({});
});

it.each(["", "x", 0, 1.5, 4000])("takes no %s", logDays => {
  expect(changed(NOW, { logDays })).toBeNull();
});

it("takes no audit shorter than the hub's least", () => {
  expect(changed(NOW, { auditDays: 29 })).toBeNull();
  expect(changed(NOW, { auditDays: 30 })).toEqual({ auditDays: 30 });
});

it("knows what would be deleted", () => {
  expect(lessened(NOW, { rawHours: 24, auditDays: 500 })).toEqual(["rawHours"]);
});

it("names the variable of a field", () => {
  expect(variableOf("rawHours")).toBe("LONGLINE_KEEP_RAW_HOURS");
});
