import { useQuery } from "@tanstack/react-query";
import { api, envelope, page, type Schemas } from "./client";

export type SignedIn = Schemas["Session"];

export const SESSIONS = ["sessions"] as const;

/** One's own, or those of another member. */
export const useSessions = (userId: string | null) =>
  useQuery({
    queryKey: [...SESSIONS, userId ?? ""],
    staleTime: 0,
    queryFn: async () => {
      const query = userId === null ? {} : { userId };
      return (await page(api.GET("/api/v1/auth/sessions", { params: { query } }))).items;
    },
  });

export const endSession = (id: string) =>
  envelope(api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id } } }));
