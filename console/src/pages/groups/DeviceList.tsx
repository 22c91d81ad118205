import { Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { useDevice } from "../../live/fleet";
import type { Device } from "../../live/standing";
import { StatusBadge } from "../../parts/StatusBadge";
import { TimeText } from "../../parts/TimeText";
import { useText } from "../../text";
import classes from "./groups.module.css";

const ROW = 38;

type Props = {
  devices: readonly Device[];
  label: string;
  chosen: ReadonlySet<string>;
  /** Absent: nobody may choose. */
  onChoose?: ((id: string) => void) | undefined;
};

/** Devices to choose from, of which those in sight are drawn. */
export function DeviceList({ devices, label, chosen, onChoose }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: devices.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 8,
    getItemKey: index => devices[index]?.id ?? index,
  });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <div className={classes.list} ref={scroller} tabIndex={0} role="list" aria-label={label}>
      <div role="presentation" style={{ position: "relative", height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, key, start }) => {
          const device = devices[index];
          if (device === undefined) return null;
          return (
            <Row
              key={key}
              id={device.id}
              top={start}
              chosen={chosen.has(device.id)}
              onChoose={onChoose}
            />
          );
        })}
      </div>
    </div>
  );
}

type RowProps = {
  id: string;
  top: number;
  chosen: boolean;
  onChoose: ((id: string) => void) | undefined;
};

function Row({ id, top, chosen, onChoose }: RowProps) {
  const text = useText().groups;
  const device = useDevice(id);
  if (device === undefined) return null;
  return (
    <div className={classes.row} role="listitem" data-device={id} style={{ top }}>
      {onChoose && (
        <Checkbox
          size="xs"
          aria-label={text.choose(device.name)}
          checked={chosen}
          onChange={() => onChoose(id)}
        />
      )}
      <span className={classes.who}>
        <Link to="/devices/$deviceId" params={{ deviceId: id }} className={classes.open}>
          {device.name}
        </Link>
        {device.name !== id && <span className="dim truncate">{id}</span>}
      </span>
      <span className={classes.wide}>{device.version}</span>
      <span className={classes.wide}>
        <TimeText at={device.lastSeen} />
      </span>
      <StatusBadge status={device.status} />
    </div>
  );
}
