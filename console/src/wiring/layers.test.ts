/** The rule of `biome.json`: imports go text ← api ← session ← live ← parts ← app ← pages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const SOURCE = join(import.meta.dirname, "..");
const LAYERS = ["text", "api", "session", "live", "parts", "app", "pages"];
/** Of tests alone. */
const TESTS = ["testing", "wiring"];

type Override = {
  includes: string[];
  linter: {
    rules: { style: { noRestrictedImports: { options: { patterns: { group: string[] }[] } } } };
  };
};

it("knows every folder, and forbids each what stands above it", () => {
  const folders = readdirSync(SOURCE, { withFileTypes: true }).filter(one => one.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual([...LAYERS, ...TESTS].sort());

  const text = readFileSync(join(SOURCE, "..", "biome.json"), "utf8");
  const { overrides } = JSON.parse(text) as { overrides: Override[] };
  for (const [at, layer] of LAYERS.slice(0, -1).entries()) {
    const rule = overrides.find(({ includes }) => includes.includes(`src/${layer}/**`));
    const { patterns } = rule?.linter.rules.style.noRestrictedImports.options ?? { patterns: [] };
    const above = LAYERS.slice(at + 1).map(name => `**/${name}/**`);
    expect(patterns[0]?.group).toEqual(expect.arrayContaining(above));
  }
});

it("has nothing of the tests in what is built", () => {
  const built = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter(
    name => /(?<!\.d|\.test)\.tsx?$/.test(name) && !TESTS.some(folder => name.startsWith(folder)),
  );
  const wrong = built.filter(name =>
    /from "[./]+\/(testing|wiring)\//.test(readFileSync(join(SOURCE, name), "utf8")),
  );
  expect([built.length > 100, wrong]).toEqual([true, []]);
});
