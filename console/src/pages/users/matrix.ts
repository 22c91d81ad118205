/**
 * The rules of a role as rows of ticks: a resource, its verbs, and perhaps the names that count. Pure.
 * What a rule says of all resources, or of all commands, is a row of its own: it covers others.
 */
import type { Permission, Rule } from "../../api/rights";

export const VERBS = ["get", "list", "create", "update", "delete", "use"] as const;
export type Verb = (typeof VERBS)[number];

export type Row = {
  resource: string;
  ticked: ReadonlySet<string>;
  /** Null: whatever its name. */
  names: readonly string[] | null;
};

export type Matrix = {
  rows: ReadonlyMap<string, Row>;
  /** Rules of resources that have a row already, with other names: kept as they are. */
  others: readonly Rule[];
};

export const EVERYTHING = "*";
export const ANY_COMMAND = "commands/*";
const COMMANDS = "commands/";
const CREATE = new Set<string>(["create"]);

/** What can be ticked: each resource of the catalogue, and what stands for several. */
export function resourcesOf(catalogue: readonly Permission[], rules: readonly Rule[]): string[] {
  const known = catalogue.map(({ resource }) => resource);
  const first = known.findIndex(resource => resource.startsWith(COMMANDS));
  const at = first < 0 ? known.length : first;
  const listed = [EVERYTHING, ...known.slice(0, at), ANY_COMMAND, ...known.slice(at)];
  const own = rules.flatMap(({ resources }) => resources).filter(one => !listed.includes(one));
  return [...listed, ...new Set(own)];
}

/** The verbs that a resource has. */
export function verbsOf(resource: string, catalogue: readonly Permission[]): ReadonlySet<string> {
  if (resource === EVERYTHING) return new Set(VERBS);
  const known = catalogue.find(one => one.resource === resource);
  return known ? new Set(known.verbs) : CREATE;
}

export function matrixOf(rules: readonly Rule[], catalogue: readonly Permission[]): Matrix {
  const rows = new Map<string, Row>();
  const others: Rule[] = [];
  for (const rule of rules) {
    for (const resource of rule.resources) {
      const possible = verbsOf(resource, catalogue);
      const verbs = rule.verbs.includes("*") ? [...possible] : rule.verbs;
      const ticked = verbs.filter(verb => possible.has(verb));
      const names = rule.names ?? null;
      const before = rows.get(resource);
      if (before !== undefined && String(before.names) !== String(names)) {
        others.push({ resources: [resource], verbs: [...verbs], names: names && [...names] });
      } else {
        rows.set(resource, {
          resource,
          ticked: new Set([...(before?.ticked ?? []), ...ticked]),
          names,
        });
      }
    }
  }
  return { rows, others };
}

/** As the hub takes them: one for each row that has a tick. */
export function rulesOf({ rows, others }: Matrix): Rule[] {
  const own = [...rows.values()].flatMap(({ resource, ticked, names }) =>
    ticked.size === 0
      ? []
      : [
          {
            resources: [resource],
            verbs: VERBS.filter(verb => ticked.has(verb)),
            names: names && [...names],
          },
        ],
  );
  return [...own, ...others];
}

const rowOf = ({ rows }: Matrix, resource: string): Row =>
  rows.get(resource) ?? { resource, ticked: new Set(), names: null };

export function toggle(matrix: Matrix, resource: string, verb: string): Matrix {
  const row = rowOf(matrix, resource);
  const ticked = new Set(row.ticked);
  if (!ticked.delete(verb)) ticked.add(verb);
  return { ...matrix, rows: new Map(matrix.rows).set(resource, { ...row, ticked }) };
}

/** Words that are separated by commas; none: whatever its name. */
export function setNames(matrix: Matrix, resource: string, typed: string): Matrix {
  const found = typed.split(",").map(name => name.trim());
  const names = found.filter(name => name !== "");
  const row = { ...rowOf(matrix, resource), names: names.length > 0 ? names : null };
  return { ...matrix, rows: new Map(matrix.rows).set(resource, row) };
}

/** Whether a cell is ticked itself, or by a row that stands for it too. */
export function stateOf(matrix: Matrix, resource: string, verb: string): "own" | "covered" | "no" {
  if (matrix.rows.get(resource)?.ticked.has(verb)) return "own";
  const wide = resource.startsWith(COMMANDS) ? [EVERYTHING, ANY_COMMAND] : [EVERYTHING];
  const covers = wide.some(
    one => one !== resource && matrix.rows.get(one)?.ticked.has(verb) === true,
  );
  return covers ? "covered" : "no";
}
