import { useQuery } from "@tanstack/react-query";
import { inOrder } from "../text/format";
import { api, data, envelope, page, type Schemas } from "./client";

export type User = Schemas["User"];
export type ApiKey = Schemas["ApiKey"];

export const USERS = ["users"] as const;
export const KEYS = ["api-keys"] as const;
const MOST = 500;

export function useUsers(enabled: boolean) {
  return useQuery({
    queryKey: USERS,
    enabled,
    queryFn: async () => {
      const { items } = await page(
        api.GET("/api/v1/users", { params: { query: { limit: MOST } } }),
      );
      return items.sort((a, b) => inOrder(a.username, b.username));
    },
  });
}

export function useKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/api-keys", { params: { query: { limit: MOST } } }))).items,
  });
}

export const createUser = (body: Schemas["UserBody"]) => data(api.POST("/api/v1/users", { body }));

/** What is not named stays as it is. */
export const changeUser = (id: string, change: Partial<Schemas["UserPatch"]>) => {
  const body = change as Schemas["UserPatch"];
  return data(api.PATCH("/api/v1/users/{id}", { params: { path: { id } }, body }));
};

export const deleteUser = (id: string) =>
  envelope(api.DELETE("/api/v1/users/{id}", { params: { path: { id } } }));

export const createKey = (body: Schemas["ApiKeyBody"]) =>
  data(api.POST("/api/v1/api-keys", { body }));

export const deleteKey = (id: string) =>
  envelope(api.DELETE("/api/v1/api-keys/{id}", { params: { path: { id } } }));
