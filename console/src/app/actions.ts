/** What the user menu and the palette can both do, wherever one is. */
import { createContext, useContext } from "react";

export type ShellActions = {
  openPalette: () => void;
  openKeys: () => void;
  openPassword: () => void;
  openSessions: () => void;
  openFactor: () => void;
  openPasskeys: () => void;
  openCommandKeys: () => void;
};

export const ShellActionsContext = createContext<ShellActions | null>(null);

export function useShellActions(): ShellActions {
  const actions = useContext(ShellActionsContext);
  if (actions === null) throw new Error("outside of the shell");
  return actions;
}
