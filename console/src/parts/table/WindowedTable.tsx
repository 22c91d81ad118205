import { UnstyledButton, VisuallyHidden } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type CSSProperties,
  type KeyboardEvent,
  memo,
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useText } from "../../text";
import { DownIcon } from "../icons";
import {
  type Choice,
  type Column,
  nextSort,
  rowAfter,
  type Sorting,
  type TableProps,
  type WindowProps,
} from "./columns";
import { itself } from "./PlainTable";
import classes from "./table.module.css";

const HEAD = 38;
/** So many rows before the end more are asked for. */
const AHEAD = 30;

/** Thousands of rows of which those in sight are drawn. Arrows move, space chooses, Enter opens. */
export function WindowedTable<R, V>({ bare, ...props }: Props<R, V> & { bare?: boolean }) {
  if (bare) return <Scroller {...props} />;
  return (
    <div className={classes.frame} data-fill={props.most === undefined || undefined}>
      <Scroller {...props} />
    </div>
  );
}

type Props<R, V> = TableProps<R, V> & WindowProps<V>;

function Scroller<R, V>(props: Props<R, V>) {
  const { rows, keyOf, columns, rowHeight, headless, choice, opened, onOpen, onMore } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
    useFlushSync: false,
    scrollPaddingStart: headless ? 0 : HEAD,
    getItemKey: index => keyAt(rows, keyOf, index) ?? index,
  });
  const items = virtual.getVirtualItems();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height is another place for each
  useLayoutEffect(() => virtual.measure(), [rowHeight]);
  useMore(onMore ?? null, items.at(-1)?.index ?? 0, rows.length);

  const at = useMemo(
    () => (active === null ? -1 : rows.findIndex(row => keyOf(row) === active)),
    [rows, keyOf, active],
  );
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
    const to = rowAfter(event.key, at, rows.length, page);
    // A button or box inside has its own Enter and space.
    const own = event.target === event.currentTarget && at >= 0 ? active : null;
    if (to !== null) {
      setActive(keyAt(rows, keyOf, to) ?? null);
      virtual.scrollToIndex(to);
      // After a click on a box the next space is for the active row, not for that box.
      scroller.current?.focus({ preventScroll: true });
    } else if (event.key === " " && own !== null && choice) choice.onChoose(own, event.shiftKey);
    else if (event.key === "Enter" && own !== null && onOpen) onOpen(own);
    else return;
    event.preventDefault();
  };
  const tracks = columns.map(({ width }) => width ?? "minmax(0, 1fr)");
  const style = {
    "--columns": (choice ? ["40px", ...tracks] : tracks).join(" "),
    "--row": `${rowHeight}px`,
    "--least": `${props.least ?? 0}px`,
    maxHeight: props.most,
  } as CSSProperties;
  return (
    <div
      className={classes.scroller}
      data-fill={props.most === undefined || undefined}
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={onMore ? -1 : rows.length + 1}
      aria-multiselectable={choice ? true : undefined}
      aria-activedescendant={at >= 0 ? `${id}-${active}` : undefined}
      onKeyDown={onKeyDown}
      style={style}
    >
      <Head {...props} />
      <div role="rowgroup" style={{ position: "relative", height: virtual.getTotalSize() }}>
        {items.map(({ index, key, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          const name = keyOf(row);
          return (
            <Row
              key={key}
              id={`${id}-${name}`}
              row={row}
              name={name}
              index={index}
              top={start}
              columns={columns}
              useValue={props.useValue}
              marks={props.marks}
              chosen={
                choice ? choice.chosen.has(name) : opened === undefined ? null : opened === name
              }
              active={index === at}
              onChoose={choice?.onChoose}
              labelOf={choice?.labelOf}
              onClick={props.opensByClick ? onOpen : undefined}
            />
          );
        })}
      </div>
    </div>
  );
}

function keyAt<R>(rows: readonly R[], keyOf: (row: R) => string, index: number) {
  const row = rows[index];
  return row === undefined ? undefined : keyOf(row);
}

/** More rows are asked for before one gets to the last. */
function useMore(onMore: (() => void) | null, last: number, count: number): void {
  useEffect(() => {
    if (onMore !== null && last >= count - AHEAD) onMore();
  }, [onMore, last, count]);
}

function Head<V>({ columns, headless, sorting, choice }: HeadProps<V>) {
  const text = useText().common;
  const all = choice?.all;
  return (
    <div className={classes.head} data-hidden={headless || undefined} role="row" aria-rowindex={1}>
      {choice && (
        <div role="columnheader" className={classes.box}>
          {all ? (
            <input
              type="checkbox"
              aria-label={all.label}
              checked={all.extent === "all"}
              ref={box => {
                if (box !== null) box.indeterminate = all.extent === "some";
              }}
              onChange={all.onChoose}
            />
          ) : (
            <VisuallyHidden>{text.selection}</VisuallyHidden>
          )}
        </div>
      )}
      {columns.map(column =>
        column.sort && sorting ? (
          <SortedHead key={column.key} column={column} sorting={sorting} />
        ) : (
          <div key={column.key} role="columnheader">
            {column.title === "" ? <VisuallyHidden>{text.actions}</VisuallyHidden> : column.title}
          </div>
        ),
      )}
    </div>
  );
}

type HeadProps<V> = Pick<WindowProps<V>, "headless" | "sorting" | "choice"> & {
  columns: readonly Column<V>[];
};

function SortedHead<V>({ column, sorting }: { column: Column<V>; sorting: Sorting }) {
  const up = sorting.by === column.key;
  const down = sorting.by === `-${column.key}`;
  return (
    <div role="columnheader" aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <UnstyledButton
        className={classes.sort}
        onClick={() => sorting.onSort(nextSort(column, sorting.by))}
      >
        <span className="truncate">{column.title}</span>
        {(up || down) && (
          <DownIcon size={13} style={{ transform: up ? "rotate(180deg)" : undefined }} />
        )}
      </UnstyledButton>
    </div>
  );
}

type RowProps<R, V> = {
  id: string;
  row: R;
  name: string;
  index: number;
  top: number;
  columns: readonly Column<V>[];
  useValue: TableProps<R, V>["useValue"];
  marks: TableProps<R, V>["marks"];
  /** Null where rows are neither chosen nor open. */
  chosen: boolean | null;
  active: boolean;
  onChoose: Choice<V>["onChoose"] | undefined;
  labelOf: Choice<V>["labelOf"] | undefined;
  onClick: ((key: string) => void) | undefined;
};

/** Plain elements, since scrolling makes dozens of these a second; a heartbeat draws one row. */
const Row = memo(function Row<R, V>(props: RowProps<R, V>) {
  const { row, name, index, top, columns, useValue = itself<R, V>, active, onClick } = props;
  const value = useValue(row);
  const open = useCallback(() => onClick?.(name), [onClick, name]);
  if (value === undefined) return null;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Enter on the table opens its active row
    <div
      id={props.id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={props.chosen ?? undefined}
      className={classes.row}
      data-active={active || undefined}
      data-opens={onClick ? true : undefined}
      {...props.marks?.(value)}
      onClick={onClick && open}
      style={{ transform: `translateY(${top}px)` }}
    >
      {props.onChoose && props.labelOf && (
        <Box
          label={props.labelOf(value)}
          name={name}
          chosen={props.chosen ?? false}
          onChoose={props.onChoose}
        />
      )}
      {columns.map(({ key, className, cell }) => (
        <div role="gridcell" key={key} className={className}>
          {cell(value)}
        </div>
      ))}
    </div>
  );
}) as <R, V>(props: RowProps<R, V> & { key?: React.Key }) => React.ReactNode;

type BoxProps = {
  label: string;
  name: string;
  chosen: boolean;
  onChoose: (key: string, ranged: boolean) => void;
};

function Box({ label, name, chosen, onChoose }: BoxProps) {
  const shift = useRef(false);
  return (
    <div role="gridcell" className={classes.box}>
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={label}
        checked={chosen}
        onClick={event => {
          shift.current = event.shiftKey;
        }}
        onChange={() => onChoose(name, shift.current)}
      />
    </div>
  );
}
