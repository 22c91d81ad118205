import { createContext, useContext } from "react";
import type { SessionUser } from "./session";

export const SessionContext = createContext<SessionUser | null>(null);

/** Who is signed in; only inside the shell. */
export function useSession(): SessionUser {
  const user = useContext(SessionContext);
  if (user === null) throw new Error("nobody is signed in");
  return user;
}
