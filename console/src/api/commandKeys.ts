/** The keys by which one signs commands outside the hub. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";

export type CommandKey = Schemas["CommandKeyItem"];

export const COMMAND_KEYS = ["command-keys"] as const;

export const useCommandKeys = () =>
  useQuery({ queryKey: COMMAND_KEYS, queryFn: () => data(api.GET("/api/v1/auth/command-keys")) });

export const addCommandKey = (body: Schemas["CommandKeyBody"]) =>
  data(api.POST("/api/v1/auth/command-keys", { body }));

export const removeCommandKey = (id: string) =>
  envelope(api.DELETE("/api/v1/auth/command-keys/{id}", { params: { path: { id } } }));
