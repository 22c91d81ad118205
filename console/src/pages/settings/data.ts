import { useQuery } from "@tanstack/react-query";
import type { Awaiting } from "../../api/approvals";
import { api, data, envelope, type Schemas } from "../../api/client";
import { Problem } from "../../api/problem";

export type OrgSettings = Schemas["OrgSettings"];
export type Retention = OrgSettings["retention"];

export const SETTINGS = ["settings"] as const;
export const SCHEMA = ["config-schema"] as const;

type Change = {
  autoEnroll?: boolean;
  reenroll?: OrgSettings["reenroll"];
  adminFactor?: OrgSettings["adminFactor"];
  providerRequired?: boolean;
  retention?: Partial<Retention>;
  approvals?: { resources?: string[]; over?: number };
  blastRadius?: Partial<OrgSettings["blastRadius"]>;
};

export const useSettings = () =>
  useQuery({ queryKey: SETTINGS, queryFn: () => data(api.GET("/api/v1/settings")) });

/** What is not named stays as it is. What lets people do more alone waits for an approval. */
export const changeSettings = (change: Change) =>
  data<OrgSettings | Awaiting>(
    api.PATCH("/api/v1/settings", { body: change as Schemas["SettingsPatch"] }),
  );

export const newEnrollmentKey = () => data(api.POST("/api/v1/settings/enrollment-key"));

/** Null where there is none. */
export const useConfigSchema = () =>
  useQuery({
    queryKey: SCHEMA,
    queryFn: () =>
      data(api.GET("/api/v1/config-schema")).catch((error: unknown) => {
        if (error instanceof Problem && error.code === "not_found") return null;
        throw error;
      }),
  });

export const setConfigSchema = (schema: Record<string, unknown>) =>
  data(api.PUT("/api/v1/config-schema", { body: { schema } as Schemas["SchemaBody"] }));

export const deleteConfigSchema = () => envelope(api.DELETE("/api/v1/config-schema"));
