/** Sessions on devices: terminals, logs and what else goes as a byte stream. */
import { useQuery } from "@tanstack/react-query";
import { authority } from "./authority";
import { api, data, envelope, page, type Schemas } from "./client";
import { hubAddress } from "./prefix";
import { problemOf } from "./problem";

export type ByteSession = Schemas["SessionItem"];
export type SessionKind = ByteSession["kind"];

export const BYTE_SESSIONS = "byte-sessions";
const LIMIT = 20;

/** The newest of a device. */
export const useByteSessions = (deviceId: string) =>
  useQuery({
    queryKey: [BYTE_SESSIONS, deviceId],
    queryFn: async () => {
      const query = { deviceId, limit: LIMIT };
      return (await page(api.GET("/api/v1/sessions", { params: { query } }))).items;
    },
  });

/** The path of its socket. */
export async function openByteSession(
  deviceId: string,
  kind: SessionKind,
  params: Record<string, unknown>,
): Promise<string> {
  const path = { id: deviceId };
  const body = { kind, params, ttlSeconds: 3600 };
  return (await data(api.POST("/api/v1/devices/{id}/sessions", { params: { path }, body }))).url;
}

export const endByteSession = (id: string) =>
  envelope(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }));

/** As asciicast: no envelope, so it is asked for by hand. */
export async function readRecording(id: string): Promise<string> {
  const response = await fetch(`${hubAddress()}/api/v1/sessions/${id}/recording`, {
    headers: { Authorization: `Bearer ${authority().accessToken()}` },
  });
  if (!response.ok) throw problemOf(response, await response.json().catch(() => undefined));
  return await response.text();
}
