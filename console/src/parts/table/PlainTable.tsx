import { Table, VisuallyHidden } from "@mantine/core";
import { useText } from "../../text";
import type { TableProps } from "./columns";
import classes from "./table.module.css";

type Props<R, V> = TableProps<R, V> & { bare?: boolean };

/** A table of some tens of rows, in a frame that scrolls sideways where it must. */
export function PlainTable<R, V>(props: Props<R, V>) {
  const { label, columns, rows, keyOf, least = 560, bare } = props;
  const text = useText().common;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className={classes.plain} data-bare={bare || undefined} tabIndex={0}>
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
            {columns.map(({ key, title, right }) => (
              <Table.Th key={key} data-right={right || undefined}>
                {title === "" ? <VisuallyHidden>{text.actions}</VisuallyHidden> : title}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(row => (
            <Row key={keyOf(row)} row={row} {...props} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function Row<R, V>({ row, columns, useValue = itself<R, V>, marks }: Props<R, V> & { row: R }) {
  const value = useValue(row);
  if (value === undefined) return null;
  return (
    <Table.Tr {...marks?.(value)}>
      {columns.map(({ key, right, className, cell }) => (
        <Table.Td key={key} data-right={right || undefined} className={className ?? ""}>
          {cell(value)}
        </Table.Td>
      ))}
    </Table.Tr>
  );
}

/** Where the row is what the cells are made of. */
export function itself<R, V>(row: R): V {
  return row as unknown as V;
}
