import { SegmentedControl, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { fleet } from "../../live/fleet";
import { type DeviceStatus, type Row, STATUSES } from "../../live/waves";
import { type Text, useText } from "../../text";
import { SearchIcon } from "../icons";
import { Hint } from "../Label";
import { TimeText } from "../TimeText";
import type { Column } from "../table/columns";
import { DataTable } from "../table/DataTable";
import { useCompact } from "../useCompact";
import type { About } from "./about";
import { CampaignStatus } from "./CampaignStatus";
import classes from "./campaigns.module.css";

const ROW = 36;

/** The devices of a campaign by what they are at. */
export function DeviceRows({ rows, about }: { rows: readonly Row[]; about: About }) {
  const words = useText().campaigns;
  const compact = useCompact();
  const [status, setStatus] = useState<DeviceStatus | "">("");
  const [typed, setTyped] = useState("");
  const shown = useMemo(() => {
    const wanted = typed.trim().toLowerCase();
    return rows.filter(
      row =>
        (status === "" || row.status === status) &&
        (wanted === "" || nameOf(row.deviceId).toLowerCase().includes(wanted)),
    );
  }, [rows, status, typed]);
  const columns = useMemo(() => columnsOf(words, about, compact), [words, about, compact]);
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          data-search
          size="xs"
          leftSection={<SearchIcon size={14} />}
          placeholder={words.searchDevices}
          aria-label={words.searchDevices}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <SegmentedControl
          size="xs"
          aria-label={words.status}
          value={status}
          onChange={value => setStatus(value as DeviceStatus | "")}
          data={["" as const, ...STATUSES].map(value => ({
            value,
            label: value === "" ? words.all : (words.statuses[value] ?? value),
          }))}
        />
      </div>
      <DataTable
        bare
        headless
        label={words.devices}
        columns={columns}
        rows={shown}
        keyOf={idOf}
        marks={marks}
        rowHeight={ROW}
        most="480px"
        empty={<Hint>{words.noneOfThese}</Hint>}
      />
    </>
  );
}

const idOf = ({ deviceId }: Row) => deviceId;
const marks = ({ deviceId }: Row) => ({ "data-target": deviceId });

function columnsOf(words: Text["campaigns"], about: About, compact: boolean): Column<Row>[] {
  const device: Column<Row> = {
    key: "device",
    title: words.columns.device,
    width: compact ? "minmax(0, 1fr)" : "minmax(120px, 1.2fr)",
    cell: ({ deviceId }) => (
      <Link
        to="/devices/$deviceId"
        params={{ deviceId }}
        search={{ tab: about.tab }}
        className={`truncate ${classes.link}`}
      >
        {nameOf(deviceId)}
      </Link>
    ),
  };
  const wave: Column<Row> = {
    key: "wave",
    title: words.columns.wave,
    width: "70px",
    className: "dim",
    cell: ({ wave }) => (wave === null ? words.noWave : words.waveName(wave + 1)),
  };
  const status: Column<Row> = {
    key: "status",
    title: words.status,
    width: "110px",
    cell: ({ status }) => <CampaignStatus status={status} />,
  };
  const reason: Column<Row> = {
    key: "reason",
    title: words.columns.reason,
    width: compact ? "minmax(0, 1fr)" : "minmax(0, 1.4fr)",
    cell: row => (
      <span className={classes.reason} title={toldOf(row)}>
        {reasonOf(row, { ...words.reasons, ...about.reasons })}
        {row.error === null && row.status === "IN_PROGRESS" && about.phases[row.phase]}
      </span>
    ),
  };
  const wide: Column<Row>[] = [
    {
      key: "from",
      title: about.from,
      width: "90px",
      className: "dim",
      cell: ({ fromVersion }) => fromVersion && about.written(fromVersion),
    },
    {
      key: "when",
      title: words.columns.when,
      width: "90px",
      className: "dim",
      cell: ({ startedAt, finishedAt }) => startedAt && <TimeText at={finishedAt ?? startedAt} />,
    },
  ];
  return compact ? [device, status, reason] : [device, wave, status, reason, ...wide];
}

type Told = { code?: string; message?: string };

/** In words of ours, else in the hub's. */
function reasonOf({ error }: Row, reasons: Record<string, string>): string {
  const { code = "", message = "" } = (error ?? {}) as Told;
  return reasons[code] ?? (message || code);
}

function toldOf({ error }: Row): string | undefined {
  const { code, message } = (error ?? {}) as Told;
  return [code, message].filter(Boolean).join(": ") || undefined;
}

function nameOf(deviceId: string): string {
  return fleet.device(deviceId)?.name ?? deviceId;
}
