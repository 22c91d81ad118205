import { Checkbox, TextInput } from "@mantine/core";
import type { Permission, Rule } from "../../api/rights";
import { CheckIcon } from "../../parts/icons";
import { useText } from "../../text";
import {
  EVERYTHING,
  type Matrix,
  resourcesOf,
  setNames,
  stateOf,
  toggle,
  VERBS,
  verbsOf,
} from "./matrix";
import classes from "./users.module.css";

type Props = {
  matrix: Matrix;
  catalogue: readonly Permission[];
  rules: readonly Rule[];
  /** Null: it is only read. */
  onChange: ((matrix: Matrix) => void) | null;
};

/** Resources down, verbs across. Where it is only read, rows that give nothing are left out. */
export function MatrixTable({ matrix, catalogue, rules, onChange }: Props) {
  const words = useText().users.roles;
  const resources = resourcesOf(catalogue, rules).filter(
    resource => onChange !== null || VERBS.some(verb => stateOf(matrix, resource, verb) === "own"),
  );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways is scrolled by keys too
    <div className={classes.scroll} role="region" aria-label={words.table} tabIndex={0}>
      <table className={classes.matrix}>
        <thead>
          <tr>
            <th scope="col">{words.resource}</th>
            {VERBS.map(verb => (
              <th key={verb} scope="col">
                {words.verbs[verb]}
              </th>
            ))}
            <th scope="col">{words.onlyNames}</th>
          </tr>
        </thead>
        <tbody>
          {resources.map(resource => (
            <Line
              key={resource}
              resource={resource}
              matrix={matrix}
              catalogue={catalogue}
              onChange={onChange}
            />
          ))}
        </tbody>
      </table>
      {matrix.others.map(({ resources: [resource = ""], verbs, names }) => (
        <p key={`${resource} ${names}`} className="dim">
          {words.also(resource, verbs, names ?? [])}
        </p>
      ))}
    </div>
  );
}

type LineProps = Pick<Props, "matrix" | "catalogue" | "onChange"> & { resource: string };

function Line({ resource, matrix, catalogue, onChange }: LineProps) {
  const words = useText().users.roles;
  const possible = verbsOf(resource, catalogue);
  const names = matrix.rows.get(resource)?.names ?? null;
  const meaning = catalogue.find(one => one.resource === resource)?.names ?? null;
  const title = resource === EVERYTHING ? words.everything : resource;
  return (
    <tr data-resource={resource}>
      <th scope="row">{title}</th>
      {VERBS.map(verb => (
        <td key={verb}>
          {possible.has(verb) && (
            <Cell
              label={words.cell(title, words.verbs[verb])}
              state={stateOf(matrix, resource, verb)}
              onToggle={onChange && (() => onChange(toggle(matrix, resource, verb)))}
            />
          )}
        </td>
      ))}
      <td>
        {onChange === null || meaning === null ? (
          names?.join(", ")
        ) : (
          <TextInput
            size="xs"
            aria-label={words.namesOf(title)}
            placeholder={words.anyName(meaning)}
            defaultValue={names?.join(", ") ?? ""}
            onChange={event => onChange(setNames(matrix, resource, event.currentTarget.value))}
          />
        )}
      </td>
    </tr>
  );
}

type CellProps = {
  label: string;
  state: "own" | "covered" | "no";
  onToggle: (() => void) | null;
};

function Cell({ label, state, onToggle }: CellProps) {
  if (onToggle === null) {
    return state === "no" ? null : (
      <span role="img" aria-label={label} className={classes.cell}>
        <CheckIcon size={16} />
      </span>
    );
  }
  return (
    <span className={classes.cell}>
      <Checkbox
        size="xs"
        aria-label={label}
        checked={state !== "no"}
        disabled={state === "covered"}
        onChange={onToggle}
      />
    </span>
  );
}
