/** What those are called to whom roles are bound, and where. */
import { useMemo } from "react";
import { useGroupNames } from "../api/groupNames";
import { useServices } from "../api/organisations";
import { type Scope, type Subject, useTeams } from "../api/rights";
import { useUsers } from "../api/users";
import { fleet } from "../live/fleet";
import { useMay } from "../session/access";
import { type Text, useText } from "../text";

export type Choice = { value: string; label: string };

/** As far as this user may know them. */
export function useSubjects() {
  const may = useMay();
  const users = useUsers(may("users:list")).data;
  const teams = useTeams(may("teams:list")).data;
  const services = useServices(may("service-accounts:list")).data;
  return useMemo(
    () => ({
      user: (users ?? []).map(({ id, username }) => ({ value: id, label: username })),
      team: (teams ?? []).map(({ id, name }) => ({ value: id, label: name })),
      service_account: (services ?? []).map(({ id, name }) => ({ value: id, label: name })),
    }),
    [users, teams, services],
  );
}

/** Group id → name, as far as this user may know them. */
export const useGroupsByName = () => useGroupNames(useMay()("device-groups:list"));

export type Subjects = ReturnType<typeof useSubjects>;

export function subjectName({ kind, id }: Subject, subjects: Subjects): string {
  const known: Partial<Record<Subject["kind"], Choice[]>> = subjects;
  return known[kind]?.find(({ value }) => value === id)?.label ?? id;
}

/** `(scope) => "group line 3"` */
export function useScopeText(): (scope: Scope) => string {
  const words = useText().users.bindings;
  const groups = useGroupsByName();
  return ({ kind, id }) => {
    if (kind === "org") return words.everywhere;
    const known = id ?? "";
    if (kind === "group") return words.inGroup(groups.get(known) ?? known);
    return words.onDevice(fleet.device(known)?.name ?? known);
  };
}

/** A built-in role in this language, one's own by its name. */
export function roleName(name: string, text: Text): string {
  const built: Record<string, string> = text.common.roles;
  return built[name] ?? name;
}
