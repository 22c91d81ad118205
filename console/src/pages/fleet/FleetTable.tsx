import { UnstyledButton } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useCallback,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { PREFIX } from "../../api/prefix";
import { useDevice } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { DownIcon } from "../../parts/icons";
import { Sparkline } from "../../parts/Sparkline";
import { StatusBadge } from "../../parts/StatusBadge";
import { TimeText } from "../../parts/TimeText";
import { type Text, useText } from "../../text";
import { metricOf, widths } from "./columns";
import classes from "./fleet.module.css";
import { type Extent, extentOf, type Selection } from "./selection";

const ROW = 38;
const COMPACT_ROW = 56;

type Props = {
  ids: readonly string[];
  columns: readonly string[];
  groups: ReadonlyMap<string, string>;
  compact: boolean;
  sort: string;
  onSort: (sort: string) => void;
  selection: Selection;
  onChoose: (id: string, ranged: boolean) => void;
  onChooseAll: () => void;
};

/** Thousands of rows of which those in sight are drawn. Arrows move, space chooses, enter opens. */
export function FleetTable(props: Props) {
  const { ids, columns, compact, onChoose } = props;
  const text = useText();
  const navigate = useNavigate();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(-1);
  const height = compact ? COMPACT_ROW : ROW;
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    useFlushSync: false,
    scrollPaddingStart: ROW,
    getItemKey: index => ids[index] ?? index,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: another height is another place for each
  useLayoutEffect(() => virtual.measure(), [height]);

  const open = useCallback(
    (deviceId: string) => void navigate({ to: "/devices/$deviceId", params: { deviceId } }),
    [navigate],
  );
  const go = (index: number) => {
    const to = Math.max(0, Math.min(ids.length - 1, index));
    setActive(to);
    virtual.scrollToIndex(to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const id = ids[active];
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / height) - 2);
    const steps: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + page,
      PageUp: active - page,
      Home: 0,
      End: ids.length - 1,
    };
    const to = steps[event.key];
    if (to !== undefined) go(to);
    else if (event.key === " " && id !== undefined) onChoose(id, event.shiftKey);
    else if (event.key === "Enter" && id !== undefined) open(id);
    else return;
    event.preventDefault();
  };

  const extent = useMemo(() => extentOf(props.selection, ids), [props.selection, ids]);
  const template = compact ? "40px minmax(0, 1fr) auto" : widths(columns);
  const activeId = active >= 0 ? ids[active] : undefined;
  return (
    <div
      className={classes.scroller}
      ref={scroller}
      role="grid"
      tabIndex={0}
      aria-label={text.shell.pages.fleet}
      aria-rowcount={ids.length + 1}
      aria-multiselectable
      aria-activedescendant={activeId === undefined ? undefined : `row-${activeId}`}
      onKeyDown={onKeyDown}
      style={{ "--columns": template, "--row": `${height}px` } as React.CSSProperties}
    >
      <Head {...props} extent={extent} />
      <div role="rowgroup" style={{ position: "relative", height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start }) => {
          const id = ids[index];
          if (id === undefined) return null;
          return (
            <Row
              key={key}
              id={id}
              index={index}
              top={start}
              columns={columns}
              groups={props.groups}
              compact={compact}
              chosen={props.selection.ids.has(id)}
              active={index === active}
              onChoose={onChoose}
              onOpen={open}
            />
          );
        })}
      </div>
    </div>
  );
}

type HeadProps = Props & { extent: Extent };

function Head({ ids, columns, compact, sort, onSort, extent, onChooseAll }: HeadProps) {
  const text = useText().fleet;
  const shown = compact ? [] : columns;
  return (
    <div className={classes.head} role="row" aria-rowindex={1}>
      <div role="columnheader" className={classes.box}>
        <input
          type="checkbox"
          aria-label={text.chooseAll(ids.length)}
          checked={extent === "all"}
          ref={box => {
            if (box !== null) box.indeterminate = extent === "some";
          }}
          onChange={onChooseAll}
        />
      </div>
      {["name", ...shown].map(column => (
        <HeadCell key={column} column={column} sort={sort} onSort={onSort} />
      ))}
      {compact && <div role="columnheader">{text.columns.status}</div>}
    </div>
  );
}

type HeadCellProps = { column: string; sort: string; onSort: (sort: string) => void };

function HeadCell({ column, sort, onSort }: HeadCellProps) {
  const text = useText();
  const title = columnTitle(column, text);
  if (column === "groups" || column === "tags") return <div role="columnheader">{title}</div>;
  const up = sort === column;
  const down = sort === `-${column}`;
  // What is large or late is what one looks for first.
  const downFirst = column === "lastSeen" || metricOf(column) !== null;
  const next = up ? `-${column}` : down ? column : downFirst ? `-${column}` : column;
  return (
    <div role="columnheader" aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <UnstyledButton className={classes.sort} onClick={() => onSort(next)}>
        <span className="truncate">{title}</span>
        {(up || down) && (
          <DownIcon size={13} style={{ transform: up ? "rotate(180deg)" : undefined }} />
        )}
      </UnstyledButton>
    </div>
  );
}

export function columnTitle(column: string, text: Text): string {
  const titles: Record<string, string> = text.fleet.columns;
  return metricOf(column) ?? titles[column] ?? column;
}

type RowProps = {
  id: string;
  index: number;
  top: number;
  columns: readonly string[];
  groups: ReadonlyMap<string, string>;
  compact: boolean;
  chosen: boolean;
  active: boolean;
  onChoose: (id: string, ranged: boolean) => void;
  onOpen: (id: string) => void;
};

/**
 * Watches its device alone: a heartbeat draws one row. Plain elements, since scrolling makes dozens
 * of these a second.
 */
const Row = memo(function Row(props: RowProps) {
  const { id, index, top, columns, groups, compact, chosen, active, onChoose, onOpen } = props;
  const text = useText().fleet;
  const device = useDevice(id);
  const shift = useRef(false);
  if (device === undefined) return null;
  return (
    <div
      id={`row-${id}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      className={classes.row}
      data-device={id}
      data-active={active || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div role="gridcell" className={classes.box}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={text.choose(device.name)}
          checked={chosen}
          onClick={event => {
            shift.current = event.shiftKey;
          }}
          onChange={() => onChoose(id, shift.current)}
        />
      </div>
      <div role="gridcell" className={classes.name}>
        <a
          href={`${PREFIX}/devices/${encodeURIComponent(id)}`}
          tabIndex={-1}
          className="truncate"
          onClick={event => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
            event.preventDefault();
            onOpen(id);
          }}
        >
          {device.name}
        </a>
        {compact ? (
          <span className={classes.under}>
            <TimeText at={device.lastSeen} />
            {device.version && ` · ${device.version}`}
          </span>
        ) : (
          device.name !== id && <span className={`${classes.id} truncate`}>{id}</span>
        )}
      </div>
      {compact ? (
        <div role="gridcell">
          <StatusBadge status={device.status} />
        </div>
      ) : (
        columns.map(column => (
          <div role="gridcell" key={column}>
            {cell(column, device, groups, text)}
          </div>
        ))
      )}
    </div>
  );
});

function cell(
  column: string,
  device: Device,
  groups: ReadonlyMap<string, string>,
  text: Text["fleet"],
): ReactNode {
  const metric = metricOf(column);
  if (metric !== null) return <Sparkline deviceId={device.id} metric={metric} />;
  switch (column) {
    case "status":
      return (
        <>
          <StatusBadge status={device.status} />
          {device.disabled && <span className={classes.barred}>{text.barred}</span>}
        </>
      );
    case "lastSeen":
      return <TimeText at={device.lastSeen} />;
    case "version":
      return <span className="truncate">{device.version ?? <span className="dim">–</span>}</span>;
    case "groups":
      return <Labels values={device.groupIds.map(id => groups.get(id) ?? id)} />;
    default:
      return <Labels values={device.tags} />;
  }
}

function Labels({ values }: { values: readonly string[] }) {
  return (
    <span className={classes.labels} title={values.join(", ")}>
      {values.map(value => (
        <span key={value} className={classes.label}>
          {value}
        </span>
      ))}
    </span>
  );
}
