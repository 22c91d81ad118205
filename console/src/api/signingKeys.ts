import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";

export type SigningKey = Schemas["SigningKey"];

export const SIGNING = ["signing-keys"] as const;

export const useSigningKeys = (enabled = true) =>
  useQuery({
    queryKey: SIGNING,
    enabled,
    queryFn: () =>
      data(api.GET("/api/v1/firmware/signing-keys", { params: { query: { limit: 500 } } })),
  });

export const addSigningKey = (body: Schemas["KeyBody"]) =>
  data(api.POST("/api/v1/firmware/signing-keys", { body }));

export const deleteSigningKey = (id: string) =>
  envelope(api.DELETE("/api/v1/firmware/signing-keys/{id}", { params: { path: { id } } }));
