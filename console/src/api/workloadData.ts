/** What applications name: config maps, and the registries that images come from. */
import { useQuery } from "@tanstack/react-query";
import { all, api, data, envelope, page, type Schemas } from "./client";

export type ConfigMap = Schemas["ConfigMapItem"];
export type Registry = Schemas["RegistryItem"];

export const CONFIG_MAPS = ["config-maps"] as const;
export const REGISTRIES = ["registries"] as const;
const LIMIT = 500;

const pathOf = (name: string) => ({ path: { name } });

export const useConfigMaps = () =>
  useQuery({
    queryKey: CONFIG_MAPS,
    queryFn: () =>
      all(cursor =>
        page(api.GET("/api/v1/config-maps", { params: { query: { limit: LIMIT, ...cursor } } })),
      ),
  });

export const makeConfigMap = (name: string, values: ConfigMap["data"]) =>
  data(api.POST("/api/v1/config-maps", { body: { name, data: values } }));

export const replaceConfigMap = (name: string, values: ConfigMap["data"]) =>
  data(api.PUT("/api/v1/config-maps/{name}", { params: pathOf(name), body: { data: values } }));

export const deleteConfigMap = (name: string) =>
  envelope(api.DELETE("/api/v1/config-maps/{name}", { params: pathOf(name) }));

export const useRegistries = () =>
  useQuery({
    queryKey: REGISTRIES,
    queryFn: () =>
      all(cursor =>
        page(api.GET("/api/v1/registries", { params: { query: { limit: LIMIT, ...cursor } } })),
      ),
  });

export const makeRegistry = (body: Schemas["RegistryBody"]) =>
  data(api.POST("/api/v1/registries", { body }));

export const replaceRegistry = (name: string, body: Schemas["RegistryChange"]) =>
  data(api.PUT("/api/v1/registries/{name}", { params: pathOf(name), body }));

export const deleteRegistry = (name: string) =>
  envelope(api.DELETE("/api/v1/registries/{name}", { params: pathOf(name) }));
