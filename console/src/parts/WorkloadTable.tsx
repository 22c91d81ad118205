import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { act, type Deed, WORKLOADS, type Workload, workloadsOn } from "../api/applications";
import { useChange } from "../api/change";
import { fleet } from "../live/fleet";
import { useMay } from "../session/access";
import { useText } from "../text";
import { Hint, Label } from "./Label";
import type { Column, Reading } from "./table/columns";
import { DataTable } from "./table/DataTable";

type Props = {
  rows: readonly Workload[];
  reading: Reading;
  /** The device or the application, whichever the page does not say. */
  by: "device" | "application";
  empty: string;
  /** What else can be done with one. */
  more?: (workload: Workload) => ReactNode;
};

/** Of the states of a service. */
export const TONES: Record<string, "ok" | "warn" | "bad"> = {
  running: "ok",
  unhealthy: "bad",
  backoff: "warn",
  error: "bad",
};

/** Services as they shall be, and as devices say that they are. */
export function WorkloadTable({ rows, reading, by, empty, more }: Props) {
  const words = useText().applications;
  const columns: Column<Workload>[] = [
    by === "device"
      ? { key: "device", title: words.device, cell: one => <DeviceLink id={one.deviceId} /> }
      : { key: "application", title: words.application, cell: ({ application }) => application },
    { key: "service", title: words.service, cell: ({ service }) => <strong>{service}</strong> },
    { key: "state", title: words.observed, cell: one => <State workload={one} /> },
    {
      key: "reason",
      title: words.reason,
      cell: ({ code, message }) => [code, message].filter(Boolean).join(": "),
    },
    { key: "restarts", title: words.restarts, cell: ({ restarts }) => restarts ?? "" },
    {
      key: "act",
      title: "",
      right: true,
      cell: one => (
        <>
          {more?.(one)} <Deeds workload={one} />
        </>
      ),
    },
  ];
  return (
    <DataTable
      bare
      label={words.service}
      columns={columns}
      rows={rows}
      keyOf={one => `${one.deviceId}/${one.application}/${one.service}`}
      marks={({ deviceId, service }) => ({ "data-workload": `${deviceId}/${service}` })}
      least={640}
      reading={reading}
      empty={<Hint>{empty}</Hint>}
    />
  );
}

function DeviceLink({ id }: { id: string }) {
  return (
    <Link to="/devices/$deviceId" params={{ deviceId: id }} search={{ tab: "applications" }}>
      {fleet.device(id)?.name ?? id}
    </Link>
  );
}

function State({ workload: { state, desired, orphaned, stale } }: { workload: Workload }) {
  const words = useText().applications;
  const said = state === null ? words.unknown : (words.states[state] ?? state);
  return (
    <>
      <Label tone={TONES[state ?? ""]}>{said}</Label>{" "}
      {desired === "stopped" && <Label>{words.stopped}</Label>}{" "}
      {orphaned && <Label tone="warn">{words.orphaned}</Label>}{" "}
      {stale && <Label tone="warn">{words.stale}</Label>}
    </>
  );
}

function Deeds({ workload }: { workload: Workload }) {
  const words = useText().applications;
  const may = useMay();
  const device = fleet.device(workload.deviceId);
  const where = device ? { device } : {};
  const change = useChange((deed: Deed) => act(workload, deed), {
    stale: [WORKLOADS, workloadsOn(workload.deviceId)],
  });
  if (workload.desired === null) return null;
  const offered: Deed[] = [];
  if (may("workloads:update", where))
    offered.push(workload.desired === "stopped" ? "start" : "stop");
  if (may("commands/restart_workload:create", where)) offered.push("restart");
  return offered.map(deed => (
    <Button
      key={deed}
      size="compact-xs"
      variant="default"
      ml={4}
      disabled={change.isPending}
      onClick={() => change.mutate(deed)}
    >
      {words[deed]}
    </Button>
  ));
}
