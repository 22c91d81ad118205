/** The own commands that all of some devices have: what the hub says of each, as the form needs it. Pure. */
import type { Schemas } from "../client";
import { type CommandSpec, fieldsOf, type Schema } from "./specs";

export type CommandType = Schemas["CommandTypeItem"];

const DANGERS = ["no", "medium", "yes"] as const;

/** One form must do for all; of what else they say the strictest counts. */
export function inCommon(before: CommandType[] | null, items: CommandType[]): CommandType[] {
  if (before === null) return items;
  return before.flatMap(one => {
    const same = items.find(({ type }) => type === one.type);
    if (same === undefined || JSON.stringify(same.schema) !== JSON.stringify(one.schema)) return [];
    const danger = DANGERS.indexOf(same.danger) > DANGERS.indexOf(one.danger) ? same : one;
    return [
      {
        ...one,
        danger: danger.danger,
        redeliver: one.redeliver && same.redeliver,
        timeoutMs: Math.max(one.timeoutMs, same.timeoutMs),
      },
    ];
  });
}

export function specOf({ type, title, danger, timeoutMs, schema }: CommandType): CommandSpec {
  const args = schema as Schema;
  return {
    type,
    title,
    description: args.description ?? "",
    danger,
    role: "ADMIN",
    timeoutMs,
    fields: fieldsOf(args),
  };
}
