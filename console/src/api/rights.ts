/** Roles, who has them, and teams. */
import { useQuery } from "@tanstack/react-query";
import { inOrder } from "../text/format";
import { api, data, envelope, page, type Schemas } from "./client";

export type RoleItem = Schemas["RoleItem"];
export type Rule = Schemas["RoleRule"];
export type Binding = Schemas["BindingItem"];
export type Subject = Schemas["SubjectItem"];
export type Scope = Schemas["ScopeItem"];
export type Team = Schemas["TeamItem"];
export type Permission = Schemas["PermissionItem"];

export const ROLES_OF = ["roles"] as const;
export const BINDINGS = ["bindings"] as const;
export const TEAMS = ["teams"] as const;
const MOST = 500;
const LIMIT = { limit: MOST };

const byName = <T extends { name: string }>(items: T[]): T[] =>
  items.sort((a, b) => inOrder(a.name, b.name));

/** What there is to have a right to. */
export const useCatalogue = () =>
  useQuery({
    queryKey: ["permissions"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => data(api.GET("/api/v1/permissions")),
  });

// Roles

export const useRoles = (enabled = true) =>
  useQuery({ queryKey: ROLES_OF, enabled, queryFn: () => data(api.GET("/api/v1/roles")) });

export const createRole = (name: string) =>
  data(api.POST("/api/v1/roles", { body: { name, rules: [] } }));

export const changeRole = (name: string, rules: Rule[]) =>
  data(api.PUT("/api/v1/roles/{name}", { params: { path: { name } }, body: { rules } }));

export const deleteRole = (name: string) =>
  envelope(api.DELETE("/api/v1/roles/{name}", { params: { path: { name } } }));

// Bindings

/** Of one subject, or without it all. */
export const useBindings = (subject: Subject | null) =>
  useQuery({
    queryKey: [...BINDINGS, subject?.kind ?? "", subject?.id ?? ""],
    queryFn: async () => {
      const of = subject ? { subjectKind: subject.kind, subjectId: subject.id } : {};
      const query = { ...LIMIT, ...of };
      return (await page(api.GET("/api/v1/role-bindings", { params: { query } }))).items;
    },
  });

export const bind = (body: Schemas["BindingBody"]) =>
  data(api.POST("/api/v1/role-bindings", { body }));

export const unbind = (id: string) =>
  envelope(api.DELETE("/api/v1/role-bindings/{id}", { params: { path: { id } } }));

export type Question = { right: string; deviceId: string | null; name: string | null };

/** Whether a user may, and by which bindings. */
export function askAccess(userId: string, { right, deviceId, name }: Question) {
  const [resource = "", verb = ""] = right.split(":");
  const query = {
    resource,
    verb: verb as "get",
    ...(deviceId === null ? {} : { deviceId }),
    ...(name === null ? {} : { name }),
  };
  const params = { path: { id: userId }, query };
  return data(api.GET("/api/v1/users/{id}/access", { params }));
}

// Teams

export const useTeams = (enabled = true) =>
  useQuery({
    queryKey: [...TEAMS, "list"],
    enabled,
    queryFn: async () =>
      byName((await page(api.GET("/api/v1/teams", { params: { query: LIMIT } }))).items),
  });

export const useTeamMembers = (id: string) =>
  useQuery({
    queryKey: [...TEAMS, "members", id],
    queryFn: async () => {
      const members = await data(
        api.GET("/api/v1/teams/{id}/members", { params: { path: { id } } }),
      );
      return members.map(({ userId }) => userId);
    },
  });

export const createTeam = (name: string) => data(api.POST("/api/v1/teams", { body: { name } }));

export const renameTeam = (id: string, name: string) =>
  data(api.PUT("/api/v1/teams/{id}", { params: { path: { id } }, body: { name } }));

export const deleteTeam = (id: string) =>
  envelope(api.DELETE("/api/v1/teams/{id}", { params: { path: { id } } }));

export const addToTeam = (id: string, userIds: string[]) =>
  data(api.POST("/api/v1/teams/{id}/members", { params: { path: { id } }, body: { userIds } }));

export const removeFromTeam = (id: string, userIds: string[]) =>
  data(api.DELETE("/api/v1/teams/{id}/members", { params: { path: { id } }, body: { userIds } }));
