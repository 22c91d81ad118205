import { SegmentedControl, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { fleet } from "../../live/fleet";
import { type DeviceStatus, type Row, STATUSES } from "../../live/waves";
import { DeploymentStatus } from "../../parts/DeploymentStatus";
import { SearchIcon } from "../../parts/icons";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import classes from "./firmware.module.css";

const ROW = 36;

/** The devices of a deployment by what they are at; only those in sight are drawn. */
export function DeviceRows({ rows }: { rows: readonly Row[] }) {
  const text = useText();
  const words = text.firmware;
  const [status, setStatus] = useState<DeviceStatus | "">("");
  const [typed, setTyped] = useState("");
  const scroller = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    const wanted = typed.trim().toLowerCase();
    return rows.filter(
      row =>
        (status === "" || row.status === status) &&
        (wanted === "" || nameOf(row.deviceId).toLowerCase().includes(wanted)),
    );
  }, [rows, status, typed]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    getItemKey: index => shown[index]?.deviceId ?? index,
    estimateSize: () => ROW,
    overscan: 10,
  });
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
      <div
        className={classes.scroller}
        ref={scroller}
        role="list"
        aria-label={words.devices}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
      >
        {shown.length === 0 && <p className={classes.nothing}>{words.noneOfThese}</p>}
        <div style={{ position: "relative", height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const row = shown[index];
            if (row === undefined) return null;
            return (
              <div
                key={key}
                role="listitem"
                className={classes.row}
                data-target={row.deviceId}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Cells row={row} />
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

function Cells({ row }: { row: Row }) {
  const words = useText().firmware;
  const code = row.error === null ? null : String((row.error as { code?: string }).code ?? "");
  return (
    <>
      <Link
        to="/devices/$deviceId"
        params={{ deviceId: row.deviceId }}
        search={{ tab: "firmware" }}
        className={`truncate ${classes.link}`}
      >
        {nameOf(row.deviceId)}
      </Link>
      <span className="dim">{row.wave === null ? words.noWave : words.waveName(row.wave + 1)}</span>
      <DeploymentStatus status={row.status} />
      <span className={classes.reason} title={code ?? undefined}>
        {code === null
          ? row.status === "IN_PROGRESS"
            ? words.phases[row.phase]
            : ""
          : (words.reasons[code] ?? code)}
      </span>
      <span className={`dim ${classes.from}`}>{row.fromVersion ?? ""}</span>
      <span className={`dim ${classes.when}`}>
        {row.startedAt && <TimeText at={row.finishedAt ?? row.startedAt} />}
      </span>
    </>
  );
}

function nameOf(deviceId: string): string {
  return fleet.device(deviceId)?.name ?? deviceId;
}
