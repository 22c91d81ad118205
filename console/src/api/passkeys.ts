/** One's own passkeys. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";
import { makePasskey } from "./webauthn";

export type Passkey = Schemas["PasskeyItem"];

export const PASSKEYS = ["passkeys"] as const;

export const usePasskeys = () =>
  useQuery({ queryKey: PASSKEYS, queryFn: () => data(api.GET("/api/v1/auth/passkeys")) });

/** False when the person breaks off. */
export async function addPasskey(name: string): Promise<boolean> {
  const options = await data(api.POST("/api/v1/auth/passkeys/options"));
  const made = await makePasskey(options);
  if (made === null) return false;
  await data(
    api.POST("/api/v1/auth/passkeys", { body: { ...made, name } as Schemas["NewPasskeyBody"] }),
  );
  return true;
}

export const removePasskey = (id: string) =>
  envelope(api.DELETE("/api/v1/auth/passkeys/{id}", { params: { path: { id } } }));
