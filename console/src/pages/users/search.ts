export type UsersSearch = { tab?: "keys" };

export function usersSearch(search: Record<string, unknown>): UsersSearch {
  return search.tab === "keys" ? { tab: "keys" } : {};
}
