/** Secrets: what is put in is never read back. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, page, type Schemas } from "./client";

export type Secret = Schemas["SecretItem"];
export type SecretData = Schemas["SecretBody"]["data"];

export const SECRETS = ["secrets"] as const;

export const useSecrets = () =>
  useQuery({
    queryKey: SECRETS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/secrets", { params: { query: { limit: 500 } } }))).items,
  });

export const makeSecret = (body: Schemas["SecretBody"]) =>
  data(api.POST("/api/v1/secrets", { body }));

export const replaceSecret = (name: string, values: SecretData) =>
  data(api.PUT("/api/v1/secrets/{name}", { params: { path: { name } }, body: { data: values } }));

export const deleteSecret = (name: string) =>
  envelope(api.DELETE("/api/v1/secrets/{name}", { params: { path: { name } } }));
