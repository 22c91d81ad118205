/**
 * What only a recent sign-in may do: the hub refuses it with `reauthenticate`, somebody types the
 * password again, and the call is made once more.
 */
import { Problem } from "./problem";

/** Asks for the password and hands it to the hub: true when it took it. */
type Asker = () => Promise<boolean>;

let asker: Asker | null = null;

/** Until what it returns is called. */
export function askWith(ask: Asker): () => void {
  asker = ask;
  return () => {
    if (asker === ask) asker = null;
  };
}

export function needsPassword(error: unknown): boolean {
  return error instanceof Problem && error.status === 403 && error.code === "reauthenticate";
}

/** Makes the call, and once more after the password. Raises what the call raises. */
export async function recently<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!needsPassword(error) || asker === null || !(await asker())) throw error;
    return call();
  }
}
