import type { ReactNode } from "react";
import type { Choice, Column, Marks, Reading, Sorting } from "./columns";
import { Listed } from "./Listed";
import { PlainTable } from "./PlainTable";
import { WindowedTable } from "./WindowedTable";

export type TableProps<R, V> = {
  /** What it is about, for screen readers. */
  label: string;
  columns: readonly Column<V>[];
  rows: readonly R[];
  keyOf: (row: R) => string;
  /** What the cells are made of, when it is not the row itself: a hook, called once a row. */
  useValue?: (row: R) => V | undefined;
  marks?: (value: V) => Marks;
  /** The width under which it scrolls sideways. */
  least?: number;
};

/** Of a table whose rows are drawn as they come into sight. */
export type WindowProps<V> = {
  /** Of each row, in pixels. */
  rowHeight: number;
  /** The most that it takes of the page, as CSS; without it fills its frame. */
  most?: string;
  /** A head that only screen readers have. */
  headless?: boolean;
  sorting?: Sorting;
  choice?: Choice<V> | undefined;
  /** Enter, and with `opensByClick` a click on the row. */
  onOpen?: (key: string) => void;
  opensByClick?: boolean;
  /** The row that is open. */
  opened?: string | null;
  /** There are more, and this brings them: called before one gets there. */
  onMore?: (() => void) | null;
};

type Props<R, V> = TableProps<R, V> &
  (WindowProps<V> | { rowHeight?: undefined }) & {
    /** Where the rows come from: says when they are on their way, and when they cannot be read. */
    reading?: Reading;
    /** Where there are none. */
    empty?: ReactNode;
    /** The place of rows that are on their way, in pixels. */
    place?: number;
    /** Inside of a section, which has a frame of its own. */
    bare?: boolean;
  };

/**
 * Every list of records: some tens of rows as a plain table, or with `rowHeight` thousands of which
 * those in sight are drawn.
 */
export function DataTable<R, V = R>(props: Props<R, V>) {
  const { rows, reading, empty, place, bare } = props;
  return (
    <Listed
      count={rows.length}
      reading={reading}
      empty={empty}
      {...(place !== undefined && { place })}
      bare={bare ?? false}
    >
      {props.rowHeight === undefined ? <PlainTable {...props} /> : <WindowedTable {...props} />}
    </Listed>
  );
}
