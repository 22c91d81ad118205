import type { ComponentType, ReactNode } from "react";
import classes from "./parts.module.css";

type Props = { icon: ComponentType<{ size?: number }>; title: string; children?: ReactNode };

/** Where there is nothing: why, and what to do. */
export function Empty({ icon: Icon, title, children }: Props) {
  return (
    <div className={classes.empty}>
      <Icon size={36} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}
