import type { ReactNode } from "react";
import type { Reading, TableProps, WindowProps } from "./columns";
import { Listed } from "./Listed";
import { PlainTable } from "./PlainTable";
import { WindowedTable } from "./WindowedTable";

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
