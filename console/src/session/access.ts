/** Who may do what: the table of `hub/rights/access.py`. The hub decides; this hides what it would refuse. */

import type { Role } from "../api/client";
import { useSession } from "./context";

export const ROLES: readonly Role[] = ["VIEWER", "OPERATOR", "MANAGER", "ADMIN"];

const MINIMUM = {
  read: "VIEWER",
  dispatch: "OPERATOR",
  manage: "MANAGER",
  listUsers: "MANAGER",
  administer: "ADMIN",
} as const satisfies Record<string, Role>;

export type Action = keyof typeof MINIMUM;

export function covers(role: Role, minimum: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(minimum);
}

export function may(role: Role, action: Action): boolean {
  return covers(role, MINIMUM[action]);
}

/** `const may = useMay(); may("manage")` */
export function useMay(): (action: Action) => boolean {
  const { role } = useSession();
  return action => may(role, action);
}
