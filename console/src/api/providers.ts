/** By what people sign in, and the providers that administrators make. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";

export type Provider = Schemas["ProviderItem"];
export type ProviderDetail = Schemas["ProviderDetail"];
export type ProviderKind = ProviderDetail["kind"];
export type ProviderFields = Omit<Schemas["ProviderPatch"], "name">;

export const PROVIDERS = ["providers"] as const;

/** For who has not signed in, too; `password` is always there. */
export const useProviders = (orgId: string) =>
  useQuery({
    queryKey: [...PROVIDERS, orgId],
    queryFn: () => data(api.GET("/api/v1/auth/providers", { params: { query: { orgId } } })),
  });

export const useProvider = (id: string | null) =>
  useQuery({
    queryKey: [...PROVIDERS, "detail", id],
    enabled: id !== null,
    queryFn: () =>
      data(api.GET("/api/v1/auth/providers/{id}", { params: { path: { id: id ?? "" } } })),
  });

export const createProvider = (body: Schemas["ProviderBody"]) =>
  data(api.POST("/api/v1/auth/providers", { body }));

export const changeProvider = (id: string, body: Schemas["ProviderPatch"]) =>
  data(api.PATCH("/api/v1/auth/providers/{id}", { params: { path: { id } }, body }));

export const deleteProvider = (id: string) =>
  envelope(api.DELETE("/api/v1/auth/providers/{id}", { params: { path: { id } } }));

/** Where a browser goes to sign in by it, and comes back here from. */
export function startOf(startUrl: string, query: Record<string, string>): string {
  const url = new URL(startUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
