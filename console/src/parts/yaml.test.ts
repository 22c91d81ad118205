import { expect, it } from "vitest";
import { yamlOf } from "./yaml";

it("writes nested values as blocks", () => {
  const compose = {
    services: {
      web: {
        image: "registry.example.org:5000/web:1.4",
        command: ["httpd", "-p", "8080"],
        ports: [{ target: 22, published: "22" }, { target: 80 }],
        read_only: true,
      },
    },
    volumes: {},
    empty: [],
  };
  expect(yamlOf(compose)).toBe(
    [
      "services:",
      "  web:",
      "    image: registry.example.org:5000/web:1.4",
      "    command:",
      "      - httpd",
      '      - "-p"',
      '      - "8080"',
      "    ports:",
      "      - target: 22",
      '        published: "22"',
      "      - target: 80",
      "    read_only: true",
      "volumes: {}",
      "empty: []",
      "",
    ].join("\n"),
  );
});

it.each([
  ["a word", '"a word"'],
  ["no", '"no"'],
  ["True", '"True"'],
  ["22:22", '"22:22"'],
  ["1.5", '"1.5"'],
  ["", '""'],
  ["a: b", '"a: b"'],
  ["a #b", '"a #b"'],
  ["\u0024{PORT:-80}", '"\u0024{PORT:-80}"'],
  ["/var/lib/app", "/var/lib/app"],
  ["ends:", '"ends:"'],
  ["a\u0085b", '"a\\u0085b"'],
])("writes the text %o as %s", (value, written) =>
  expect(yamlOf({ a: value })).toBe(`a: ${written}\n`),
);

it.each([
  ["one\ntwo", "a: |-\n  one\n  two\n"],
  ["one\n\n  two\n", "a: |\n  one\n\n    two\n"],
  ["one\n\n", 'a: "one\\n\\n"\n'],
  ["  one\ntwo", 'a: "  one\\ntwo"\n'],
  ["one\r\ntwo", 'a: "one\\r\\ntwo"\n'],
])("writes the lines %o as they are, where a block keeps them", (value, written) =>
  expect(yamlOf({ a: value })).toBe(written),
);

it("writes lists in lists", () => expect(yamlOf([["a", "b"], "c"])).toBe("- - a\n  - b\n- c\n"));

it("writes one value", () => expect(yamlOf(null)).toBe("null\n"));
