/** A command that a passkey signs. The hub passes it on unchanged; a device decides by what was signed. */
import type { Schemas } from "../client";
import { askForCommand, type Passkey } from "../passkeys";
import type { Wish } from "./requests";
import { signedText } from "./signedText";

export type Signature = NonNullable<Schemas["DispatchBody"]["signature"]>;

/** The wish with an id and a signature, until `notAfter`; null when the person breaks off. */
export async function signByPasskey(
  wish: Wish,
  { org, deviceId, notAfter, passkeys }: Terms,
): Promise<Wish | null> {
  const { type, ...params } = wish.command;
  const commandId = crypto.randomUUID();
  const text = signedText({ org, deviceId, commandId, type, params, notAfter });
  const bytes = new TextEncoder().encode(text);
  const challenge = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const answer = await askForCommand(challenge, passkeys);
  if (answer === null) return null;
  const signature: Signature = { kind: "webauthn", notAfter, params, ...answer };
  return { ...wish, command: { ...wish.command, id: commandId }, signature };
}

type Terms = { org: string; deviceId: string; notAfter: string; passkeys: readonly Passkey[] };
