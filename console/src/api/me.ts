import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";

export type Me = Schemas["Me"];

export const ME = ["me"] as const;

export const useMe = () =>
  useQuery({ queryKey: ME, queryFn: () => data(api.GET("/api/v1/auth/me")) });

/** What the organisation is called; its id where that is not known. */
export const nameOf = (me: Me, orgId: string) =>
  me.organisations.find(({ id }) => id === orgId)?.name ?? orgId;

// The second factor

export const beginCode = () => data(api.POST("/api/v1/auth/totp"));

export const confirmCode = (code: string) =>
  data(api.POST("/api/v1/auth/totp/confirm", { body: { code } }));

export const removeCode = () => envelope(api.DELETE("/api/v1/auth/totp"));

// Programs without a browser

export const waitingProgram = (userCode: string) =>
  data(api.POST("/api/v1/auth/device/waiting", { body: { userCode } }));

export const decideProgram = (userCode: string, approve: boolean) =>
  envelope(api.POST("/api/v1/auth/device/approve", { body: { userCode, approve } }));
