export const TABS = [
  "users",
  "teams",
  "roles",
  "invitations",
  "services",
  "providers",
  "keys",
] as const;
export type UsersTab = (typeof TABS)[number];
/** `id`: the user, the team or the role that is open. */
export type UsersSearch = { tab?: Exclude<UsersTab, "users">; id?: string };

export function usersSearch({ tab, id }: Record<string, unknown>): UsersSearch {
  const known = TABS.find(one => one === tab);
  return {
    ...(known === undefined || known === "users" ? {} : { tab: known }),
    ...(typeof id === "string" && id !== "" ? { id } : {}),
  };
}
