/** Passkeys of this browser (WebAuthn, level 3): what the hub asks with goes in, what it takes comes out. */

/** Browsers offer them at a host name, over TLS or on this machine. */
export function offersPasskeys(): boolean {
  return (
    Boolean(window.isSecureContext) &&
    !isAddress(location.hostname) &&
    typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function"
  );
}

const isAddress = (host: string) => /^[\d.]+$/.test(host) || host.includes(":");

/** Of `POST /auth/passkeys/options`; null when the person breaks off. */
export const makePasskey = (options: unknown) =>
  answerOf(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
        options as PublicKeyCredentialCreationOptionsJSON,
      ),
    }),
  );

/** Of `POST /auth/passkeys/login/options`; null when the person breaks off. */
export const showPasskey = (options: unknown) =>
  answerOf(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
        options as PublicKeyCredentialRequestOptionsJSON,
      ),
    }),
  );

async function answerOf(ask: () => Promise<Credential | null>): Promise<object | null> {
  try {
    const found = (await ask()) as PublicKeyCredential | null;
    return found === null ? null : (found.toJSON() as object);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotAllowedError") return null;
    throw error;
  }
}
