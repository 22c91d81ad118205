import type { ReactNode } from "react";
import classes from "./parts.module.css";

type Props = {
  title: string;
  /** Beside the title: a count, a state. */
  aside?: ReactNode;
  actions?: ReactNode;
  /** As wide as the window, for tables. */
  wide?: boolean;
  /** As high as the window: the page scrolls inside itself. */
  fill?: boolean;
  children: ReactNode;
};

/** A page below the header: its title (also of the window), its actions, its content. */
export function Page({ title, aside, actions, wide, fill, children }: Props) {
  return (
    <div className={classes.page} data-wide={wide || undefined} data-fill={fill || undefined}>
      <title>{`${title} · Longline`}</title>
      <div className={classes.pageHead}>
        <h1>{title}</h1>
        {aside}
        {actions && <div data-actions>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A framed part of a page. */
export function Section({
  title,
  actions,
  flush,
  children,
}: {
  title: string;
  actions?: ReactNode;
  /** Without an inner margin, for tables. */
  flush?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHead}>
        <h2>{title}</h2>
        {actions && <div data-actions>{actions}</div>}
      </div>
      <div className={flush ? undefined : classes.sectionBody}>{children}</div>
    </section>
  );
}
