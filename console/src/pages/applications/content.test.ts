import { expect, it } from "vitest";
import { contentOf, isOlder } from "./content";

it("shows the file, and which data it is with", () => {
  const compose = { services: { web: { image: "web:1" } } };
  expect(contentOf({ compose, configMaps: { site: 3 }, secrets: { key: 1 } })).toBe(
    "services:\n  web:\n    image: web:1\n# config map site: 3\n# secret key: 1\n",
  );
});

it.each([
  ["r1", "r2", true],
  ["r2", "r2", false],
  ["r3", "r2", false],
  ["r1", null, false],
  ["r1", "gone", false],
])("knows whether %s is older than %s: %s", (one, other, older) =>
  expect(isOlder([{ revision: "r3" }, { revision: "r2" }, { revision: "r1" }], one, other)).toBe(
    older,
  ),
);
