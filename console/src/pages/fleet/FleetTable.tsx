import { useNavigate } from "@tanstack/react-router";
import { type MouseEvent, type ReactNode, useCallback, useMemo } from "react";
import { PREFIX } from "../../api/prefix";
import { useDevice } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { Sparkline } from "../../parts/Sparkline";
import { StatusBadge } from "../../parts/StatusBadge";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { type Text, useText } from "../../text";
import { NONE } from "../../text/format";
import { metricOf, widthOf } from "./columns";
import classes from "./fleet.module.css";
import { extentOf, type Selection } from "./selection";

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

/** Every device that is shown; each row watches its device alone. */
export function FleetTable(props: Props) {
  const { ids, columns, groups, compact, selection, sort, onSort } = props;
  const text = useText();
  const navigate = useNavigate();
  const open = useCallback(
    (deviceId: string) => void navigate({ to: "/devices/$deviceId", params: { deviceId } }),
    [navigate],
  );
  const shown = useMemo(
    () =>
      compact
        ? [nameColumn(true, open, text), { ...column("status", groups, text), ...NARROW }]
        : [nameColumn(false, open, text), ...columns.map(id => column(id, groups, text))],
    [compact, columns, groups, open, text],
  );
  const labelOf = useCallback(({ name }: Device) => text.fleet.choose(name), [text]);
  const extent = useMemo(() => extentOf(selection, ids), [selection, ids]);
  return (
    <DataTable
      bare
      label={text.shell.pages.fleet}
      columns={shown}
      rows={ids}
      keyOf={itself}
      useValue={useDevice}
      marks={marks}
      rowHeight={compact ? COMPACT_ROW : ROW}
      least={compact ? 0 : 760}
      sorting={{ by: sort, onSort }}
      choice={{
        chosen: selection.ids,
        onChoose: props.onChoose,
        labelOf,
        all: { extent, label: text.fleet.chooseAll(ids.length), onChoose: props.onChooseAll },
      }}
      onOpen={open}
    />
  );
}

/** Of the state, on a small screen. */
const NARROW = { width: "auto", sort: undefined };
const itself = (id: string) => id;
const marks = ({ id }: Device) => ({ "data-device": id });

function nameColumn(compact: boolean, open: (id: string) => void, text: Text): Column<Device> {
  return {
    key: "name",
    title: columnTitle("name", text),
    width: compact ? "minmax(0, 1fr)" : "minmax(160px, 1.8fr)",
    sort: "up",
    className: classes.name,
    cell: device => <Name device={device} compact={compact} onOpen={open} />,
  };
}

type NameProps = { device: Device; compact: boolean; onOpen: (id: string) => void };

function Name({ device: { id, name, lastSeen, version }, compact, onOpen }: NameProps) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
    event.preventDefault();
    onOpen(id);
  };
  return (
    <>
      <a
        href={`${PREFIX}/devices/${encodeURIComponent(id)}`}
        tabIndex={-1}
        className="truncate"
        onClick={follow}
      >
        {name}
      </a>
      {compact ? (
        <span className={classes.under}>
          <TimeText at={lastSeen} />
          {version && ` · ${version}`}
        </span>
      ) : (
        name !== id && <span className={`${classes.id} truncate`}>{id}</span>
      )}
    </>
  );
}

function column(id: string, groups: ReadonlyMap<string, string>, text: Text): Column<Device> {
  const isList = id === "groups" || id === "tags";
  // What is large or late is what one looks for first.
  const first = id === "lastSeen" || metricOf(id) !== null ? "down" : "up";
  return {
    key: id,
    title: columnTitle(id, text),
    width: widthOf(id),
    ...(!isList && { sort: first }),
    cell: device => cell(id, device, groups, text.fleet),
  };
}

export function columnTitle(column: string, text: Text): string {
  const titles: Record<string, string> = text.fleet.columns;
  return metricOf(column) ?? titles[column] ?? column;
}

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
          {device.disabled && <span className={classes.blocked}>{text.blocked}</span>}
          {device.quarantine !== null && (
            <span className={classes.blocked} title={device.quarantine.reason}>
              {text.quarantined}
            </span>
          )}
        </>
      );
    case "lastSeen":
      return <TimeText at={device.lastSeen} />;
    case "version":
      return (
        <span className="truncate">{device.version ?? <span className="dim">{NONE}</span>}</span>
      );
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
