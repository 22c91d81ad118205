/** What a table is made of. */
import type { ReactNode } from "react";

export type Column<V> = {
  key: string;
  /** Of the column of buttons it is empty. */
  title: string;
  cell: (value: V) => ReactNode;
  /** A track of `grid-template-columns`; only where rows are drawn as they come into sight. */
  width?: string;
  /** Which way it is sorted first; absent where it cannot be. */
  sort?: "up" | "down" | undefined;
  /** On the right edge: numbers, buttons. */
  right?: boolean;
  className?: string | undefined;
};

/** Attributes that name a row for tests and styles. */
export type Marks = Record<`data-${string}`, string | undefined>;

export type Sorting = {
  /** The key of a column, with `-` for the other way. */
  by: string;
  onSort: (by: string) => void;
};

export type Choice<V> = {
  chosen: ReadonlySet<string>;
  /** `ranged`: with all between it and the last. */
  onChoose: (key: string, ranged: boolean) => void;
  labelOf: (value: V) => string;
  /** The box in the head. */
  all?: { extent: "all" | "some" | "none"; label: string; onChoose: () => void };
};

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

/** What a reading over REST says of itself; a query of TanStack has this shape. */
export type Reading = {
  isPending: boolean;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
};

/** What stands in the place of the rows, and whether a problem is told above it. */
export type Shown = { body: "loading" | "rows" | "empty" | "nothing"; problem: boolean };

/**
 * What is shown of so many rows. What was read before stays when reading it again fails; where
 * nothing could be read, nobody says that there is nothing.
 */
export function shownOf(
  count: number,
  reading: Pick<Reading, "isPending" | "isError"> | undefined,
): Shown {
  const problem = reading?.isError ?? false;
  if (count > 0) return { body: "rows", problem };
  if (reading?.isPending) return { body: "loading", problem };
  return { body: problem ? "nothing" : "empty", problem };
}

/** What a click on the head asks for, after `by`. */
export function nextSort(
  { key, sort }: { key: string; sort?: "up" | "down" | undefined },
  by: string,
): string {
  if (by === key) return `-${key}`;
  if (by === `-${key}`) return key;
  return sort === "down" ? `-${key}` : key;
}

/** The row to which a key leads from `at` (-1: none yet) of `count`; null for other keys. */
export function rowAfter(key: string, at: number, count: number, page: number): number | null {
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  };
  const to = steps[key];
  return to === undefined || count === 0 ? null : Math.max(0, Math.min(count - 1, to));
}
