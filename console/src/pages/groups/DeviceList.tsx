import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useDevice } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { StatusBadge } from "../../parts/StatusBadge";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { type Text, useText } from "../../text";
import classes from "./groups.module.css";

const ROW = 38;

type Props = {
  devices: readonly Device[];
  label: string;
  compact: boolean;
  chosen: ReadonlySet<string>;
  /** Absent: nobody may choose. */
  onChoose?: ((id: string) => void) | undefined;
};

/** Devices to choose from. */
export function DeviceList({ devices, label, compact, chosen, onChoose }: Props) {
  const text = useText();
  const columns = useMemo(() => columnsOf(text, compact), [text, compact]);
  return (
    <div className={classes.list}>
      <DataTable
        bare
        headless
        label={label}
        columns={columns}
        rows={devices}
        keyOf={idOf}
        useValue={useCurrent}
        marks={marks}
        rowHeight={ROW}
        choice={
          onChoose && { chosen, onChoose, labelOf: ({ name }: Device) => text.groups.choose(name) }
        }
      />
    </div>
  );
}

const idOf = ({ id }: Device) => id;
const useCurrent = ({ id }: Device) => useDevice(id);
const marks = ({ id }: Device) => ({ "data-device": id });

function columnsOf(text: Text, compact: boolean): Column<Device>[] {
  const titles = text.fleet.columns;
  const name: Column<Device> = {
    key: "name",
    title: titles.name,
    className: classes.who,
    cell: ({ id, name }) => (
      <>
        <Link to="/devices/$deviceId" params={{ deviceId: id }} className={classes.open}>
          {name}
        </Link>
        {name !== id && <span className="dim truncate">{id}</span>}
      </>
    ),
  };
  const wide: Column<Device>[] = [
    {
      key: "version",
      title: titles.version,
      width: "96px",
      className: "dim",
      cell: ({ version }) => version,
    },
    {
      key: "lastSeen",
      title: titles.lastSeen,
      width: "96px",
      className: "dim",
      cell: ({ lastSeen }) => <TimeText at={lastSeen} />,
    },
  ];
  const status: Column<Device> = {
    key: "status",
    title: titles.status,
    width: "92px",
    cell: ({ status }) => <StatusBadge status={status} />,
  };
  return [name, ...(compact ? [] : wide), status];
}
