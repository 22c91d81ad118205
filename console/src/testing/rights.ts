/** What the built-in roles give: `tests/unit/hub/rights/test_console.py` holds it to the hub. */
import type { Role } from "../api/client";
import type { Grant } from "../session/access";
import roles from "./roles.json";

export const grantsOf = (role: Role): Grant[] => (role === "NONE" ? [] : [grant(roles[role])]);

/** Everywhere and for all names, unless something else is said. */
export const grant = (rights: string[], part: Partial<Grant> = {}): Grant => ({
  rights,
  names: null,
  scope: { kind: "org" },
  ...part,
});
