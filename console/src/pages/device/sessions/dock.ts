import { createContext, useContext } from "react";

/** What is open at the foot of a device's page. */
export type Docked =
  | { what: "terminal" | "log"; path: string; title: string }
  | { what: "recording"; id: string; title: string };

export const DockContext = createContext<(docked: Docked | null) => void>(() => undefined);

/** `const dock = useDock(); dock({ what: "terminal", … })` */
export const useDock = () => useContext(DockContext);
