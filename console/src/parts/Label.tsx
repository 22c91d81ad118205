import type { ReactNode } from "react";
import classes from "./label.module.css";

export function Label({
  tone,
  children,
}: {
  tone?: "ok" | "warn" | "bad" | undefined;
  children: ReactNode;
}) {
  return (
    <span className={classes.label} data-tone={tone}>
      {children}
    </span>
  );
}

/** A line of explanation. */
export function Hint({ children }: { children: ReactNode }) {
  return <p className={classes.hint}>{children}</p>;
}

/** The buttons below a form, the last one first to be pressed. */
export function Actions({ children }: { children: ReactNode }) {
  return <div className={classes.actions}>{children}</div>;
}
