import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import {
  BYTE_SESSIONS,
  type ByteSession,
  endByteSession,
  openByteSession,
  type SessionKind,
  useByteSessions,
} from "../../../api/byteSessions";
import { useChange } from "../../../api/change";
import type { Device } from "../../../live/standing";
import { CommandIcon, LogIcon, PlayIcon } from "../../../parts/icons";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { TimeText } from "../../../parts/TimeText";
import type { Column } from "../../../parts/table/columns";
import { DataTable } from "../../../parts/table/DataTable";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { bytes } from "../../../text/format";
import { useDock } from "./dock";
import classes from "./sessions.module.css";

type Wanted = { kind: SessionKind; params: Record<string, unknown>; title: string };

/** Terminals and logs of this device: opened here, and those that were open. */
export function Sessions({ device }: { device: Device }) {
  return (
    <>
      <Openers device={device} />
      <History device={device} />
    </>
  );
}

function Openers({ device }: { device: Device }) {
  const words = useText().device.sessions;
  const may = useMay();
  const dock = useDock();
  const [workload, setWorkload] = useState("");
  const open = useChange(
    async ({ kind, params, title }: Wanted) => ({
      what: kind === "logs" ? ("log" as const) : ("terminal" as const),
      path: await openByteSession(device.id, kind, params),
      title,
    }),
    { stale: [[BYTE_SESSIONS, device.id]], onDone: dock },
  );
  const shell: Wanted = { kind: "shell", params: { tty: true }, title: words.shell };
  const of = workload === "" ? {} : { workload };
  const log: Wanted = { kind: "logs", params: { ...of, follow: true }, title: words.log };
  const program: Wanted = {
    kind: "exec",
    params: { workload, command: ["sh"], tty: true },
    title: workload,
  };
  return (
    <div className={classes.bar}>
      {may("sessions/shell:create", { device }) && (
        <Button
          leftSection={<CommandIcon size={16} />}
          loading={open.isPending}
          onClick={() => open.mutate(shell)}
        >
          {words.openShell}
        </Button>
      )}
      {may("sessions/logs:create", { device }) && (
        <Button
          variant="default"
          leftSection={<LogIcon size={16} />}
          onClick={() => open.mutate(log)}
        >
          {words.followLog}
        </Button>
      )}
      <TextInput
        label={words.workload}
        placeholder="shop/web"
        value={workload}
        onChange={event => setWorkload(event.currentTarget.value.trim())}
      />
      {may("sessions/exec:create", { device }) && (
        <Button variant="default" disabled={workload === ""} onClick={() => open.mutate(program)}>
          {words.openProgram}
        </Button>
      )}
    </div>
  );
}

function History({ device }: { device: Device }) {
  const text = useText();
  const words = text.device.sessions;
  const may = useMay();
  const dock = useDock();
  const sessions = useByteSessions(device.id);
  const end = useChange(endByteSession, { stale: [[BYTE_SESSIONS, device.id]] });
  const plays = may("sessions/recordings:get", { device });
  const columns: Column<ByteSession>[] = [
    { key: "kind", title: words.kind, cell: ({ kind }) => words.kinds[kind] },
    { key: "by", title: words.by, cell: ({ openedBy }) => openedBy },
    { key: "begun", title: words.begun, cell: ({ createdAt }) => <TimeText at={createdAt} /> },
    {
      key: "end",
      title: words.end,
      cell: ({ status, reason }) => (status === "ENDED" ? reason : words.statuses[status]),
    },
    {
      key: "bytes",
      title: words.bytes,
      right: true,
      cell: ({ bytesDown, bytesUp }) => `${bytes(bytesDown)} · ${bytes(bytesUp)}`,
    },
    {
      key: "actions",
      title: "",
      right: true,
      cell: one => (
        <>
          {one.recording && plays && (
            <Button
              variant="default"
              size="compact-xs"
              leftSection={<PlayIcon size={12} />}
              onClick={() => dock({ what: "recording", id: one.id, title: words.recording })}
            >
              {words.play}
            </Button>
          )}
          {one.status !== "ENDED" && (
            <Button variant="default" size="compact-xs" onClick={() => end.mutate(one.id)}>
              {words.endIt}
            </Button>
          )}
        </>
      ),
    },
  ];
  return (
    <Section title={words.history} flush>
      <DataTable
        bare
        label={words.history}
        columns={columns}
        rows={sessions.data ?? []}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-session": id })}
        reading={sessions}
        empty={<Hint>{words.none}</Hint>}
        place={140}
      />
    </Section>
  );
}
