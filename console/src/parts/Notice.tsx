import type { ReactNode } from "react";
import { WarningIcon } from "./icons";
import classes from "./label.module.css";

/** Why something stands still. */
export function Notice({ children }: { children: ReactNode }) {
  return (
    <div className={classes.notice} role="status">
      <WarningIcon />
      <div>{children}</div>
    </div>
  );
}
