/** The form of what nobody does alone. Pure. */
import type { OrgSettings } from "./data";

export const COMMANDS = "commands/";

/** As typed: a cap that is empty is none. */
export type Guards = {
  resources: string[];
  over: number | string;
  perCall: number | string;
  perHour: number | string;
};

export function guardsOf({ approvals, blastRadius }: OrgSettings): Guards {
  return {
    resources: [...(approvals.resources ?? [])],
    over: approvals.over ?? 0,
    perCall: blastRadius.perCall ?? "",
    perHour: blastRadius.perHour ?? "",
  };
}

export function capOf(typed: number | string): number | null {
  return typed === "" ? null : Number(typed);
}

export function isSame(one: Guards, other: Guards): boolean {
  return (
    [...one.resources].sort().join() === [...other.resources].sort().join() &&
    Number(one.over) === Number(other.over) &&
    capOf(one.perCall) === capOf(other.perCall) &&
    capOf(one.perHour) === capOf(other.perHour)
  );
}
