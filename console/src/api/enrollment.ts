/** Enrolment tokens, and devices that wait for an administrator. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, page, type Schemas } from "./client";

export type EnrollmentToken = Schemas["EnrollmentTokenItem"];
export type EnrollmentRequest = Schemas["EnrollmentRequestItem"];

export const TOKENS = ["enrollment-tokens"] as const;
export const REQUESTS = ["enrollment-requests"] as const;
const LIMIT = { limit: 500 };
/** Devices ask when they like: nobody tells of it. */
const EVERY_MS = 4000;

export const useEnrollmentTokens = () =>
  useQuery({
    queryKey: TOKENS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/enrollment-tokens", { params: { query: LIMIT } }))).items,
  });

export const makeToken = (body: Schemas["EnrollmentTokenBody"]) =>
  data(api.POST("/api/v1/enrollment-tokens", { body }));

export const deleteToken = (id: string) =>
  envelope(api.DELETE("/api/v1/enrollment-tokens/{id}", { params: { path: { id } } }));

export const takeOverToken = (id: string) =>
  data(api.POST("/api/v1/enrollment-tokens/{id}/take-over", { params: { path: { id } } }));

export const useEnrollmentRequests = () =>
  useQuery({
    queryKey: REQUESTS,
    queryFn: async () =>
      (await page(api.GET("/api/v1/enrollment-requests", { params: { query: LIMIT } }))).items,
    refetchInterval: EVERY_MS,
  });

export const approve = ({ deviceId, fingerprint }: EnrollmentRequest) =>
  envelope(
    api.POST("/api/v1/devices/{id}/approve", {
      params: { path: { id: deviceId } },
      body: { fingerprint },
    }),
  );

export const reject = ({ deviceId, fingerprint }: EnrollmentRequest) =>
  envelope(
    api.POST("/api/v1/devices/{id}/reject", {
      params: { path: { id: deviceId } },
      body: { fingerprint },
    }),
  );
