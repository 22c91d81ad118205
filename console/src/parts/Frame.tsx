import { Table, VisuallyHidden } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../text";
import classes from "./frame.module.css";

type Props = {
  /** Of each column; the one of buttons is empty. */
  heads: readonly string[];
  /** What the table is about, for screen readers. */
  label: string;
  /** The width under which it scrolls sideways. */
  least?: number;
  /** Inside of a section, which has a frame of its own. */
  bare?: boolean;
  children: ReactNode;
};

/** A table of some tens of rows, in a frame that scrolls sideways where it must. */
export function Frame({ heads, label, least = 560, bare, children }: Props) {
  const text = useText().common;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className={classes.frame} data-bare={bare || undefined} tabIndex={0}>
      <Table
        verticalSpacing={7}
        horizontalSpacing="md"
        highlightOnHover
        className={classes.table ?? ""}
        miw={least}
        aria-label={label}
      >
        <Table.Thead>
          <Table.Tr>
            {heads.map(head => (
              <Table.Th key={head}>
                {head === "" ? <VisuallyHidden>{text.actions}</VisuallyHidden> : head}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </div>
  );
}

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
