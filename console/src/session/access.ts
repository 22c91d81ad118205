/**
 * Who may do what: the grants of `GET /auth/permissions`, by the rules of `hub/base/holding.py`. The
 * hub decides; this hides what it would refuse.
 */
import type { Role, Schemas } from "../api/client";
import { useSession } from "./context";

export type Grant = Schemas["GrantItem"];

type Resource =
  | "devices"
  | "devices/quarantine"
  | "device-groups"
  | "telemetry"
  | "configurations"
  | "config-schema"
  | "commands"
  | `commands/${string}`
  | "campaigns"
  | "schedules"
  | "approvals"
  | "pins"
  | "penalties"
  | "releases"
  | "signing-keys"
  | "dead-letters"
  | "cloud-sync"
  | "health"
  | "settings"
  | "audit-log"
  | "users"
  | "sessions"
  | "sessions/exec"
  | "sessions/shell"
  | "sessions/logs"
  | "sessions/recordings"
  | "api-keys"
  | "service-accounts"
  | "invitations"
  | "teams"
  | "roles"
  | "role-bindings"
  | "enrollment-keys"
  | "enrollment-tokens"
  | "providers"
  | "secrets"
  | "webhooks"
  | "applications"
  | "workloads"
  | "config-maps"
  | "registries"
  | "certificates";
export type Right = `${Resource}:${"get" | "list" | "create" | "update" | "delete"}`;

/** Over what; what is absent is for something at least. */
export type Where = {
  device?: { id: string; groupIds: readonly string[] };
  groupId?: string;
  /** Where the rules of a role have names: of the group, the role. */
  name?: string;
};

/** The built-in roles that give something, the weakest first. */
export const ROLES: readonly Role[] = ["VIEWER", "OPERATOR", "MANAGER", "ADMIN"];
export const EVERY_ROLE: readonly Role[] = ["NONE", ...ROLES];

const ANY_COMMAND = "commands/*:create";
const COMMAND = "commands/";

/** Of the ranked roles of members and keys: a key takes none above its owner's. */
export function covers(role: Role, minimum: Role): boolean {
  return EVERY_ROLE.indexOf(role) >= EVERY_ROLE.indexOf(minimum);
}

export function holds(grants: readonly Grant[], right: Right, where: Where = {}): boolean {
  return grants.some(
    grant => gives(grant, right) && isNamed(grant, where.name) && reaches(grant, where),
  );
}

function gives({ rights }: Grant, right: Right): boolean {
  return rights.includes(right) || (right.startsWith(COMMAND) && rights.includes(ANY_COMMAND));
}

function isNamed({ names }: Grant, name: string | undefined): boolean {
  return name === undefined || names === null || names.includes(name);
}

function reaches({ scope }: Grant, { device, groupId }: Where): boolean {
  if (scope.kind === "org" || (device === undefined && groupId === undefined)) return true;
  const id = scope.id ?? "";
  if (scope.kind === "device") return device?.id === id;
  return groupId === id || (device?.groupIds.includes(id) ?? false);
}

/** Whether some command that devices bring may be dispatched. */
export function holdsOwnCommands(grants: readonly Grant[]): boolean {
  return grants.some(({ rights }) =>
    rights.some(right => right === ANY_COMMAND || right.startsWith("commands/custom.")),
  );
}

export type May = (right: Right, where?: Where) => boolean;

/** `const may = useMay(); may("devices:update", { device })` */
export function useMay(): May {
  const { grants } = useSession();
  return (right, where) => holds(grants, right, where);
}
