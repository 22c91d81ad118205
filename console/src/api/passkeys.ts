/** One's own passkeys. */
import { useQuery } from "@tanstack/react-query";
import { api, data, envelope, type Schemas } from "./client";
import { makePasskey, offersPasskeys, showPasskey } from "./webauthn";

export type Passkey = Schemas["PasskeyItem"];

export const PASSKEYS = ["passkeys"] as const;

export const usePasskeys = () =>
  useQuery({ queryKey: PASSKEYS, queryFn: () => data(api.GET("/api/v1/auth/passkeys")) });

/** Those that can sign commands, where this browser can ask them. */
export function useSigningPasskeys(): readonly Passkey[] {
  const { data: found } = useQuery({
    queryKey: PASSKEYS,
    queryFn: () => data(api.GET("/api/v1/auth/passkeys")),
    enabled: offersPasskeys(),
  });
  return found?.filter(({ keyId }) => keyId !== null) ?? [];
}

/** What one of these has signed, and which; null when the person breaks off. */
export async function askForCommand(challenge: Uint8Array, passkeys: readonly Passkey[]) {
  const options = await data(api.POST("/api/v1/auth/passkeys/login/options"));
  const answer = (await showPasskey({
    ...options,
    challenge: base64url(challenge),
    allowCredentials: passkeys.map(({ credentialId }) => ({
      type: "public-key",
      id: credentialId,
    })),
  })) as Answer | null;
  if (answer === null) return null;
  const { authenticatorData, clientDataJSON, signature } = answer.response;
  const keyId = passkeys.find(({ credentialId }) => credentialId === answer.id)?.keyId ?? "";
  return { keyId, authenticatorData, clientDataJSON, value: signature };
}

type Answer = {
  id: string;
  response: { authenticatorData: string; clientDataJSON: string; signature: string };
};

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

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
