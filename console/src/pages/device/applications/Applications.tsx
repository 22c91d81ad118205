import { Button, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useWorkloadsOn, type Workload, workloadsOn } from "../../../api/applications";
import { BYTE_SESSIONS, openByteSession } from "../../../api/byteSessions";
import { useChange } from "../../../api/change";
import { readAgain } from "../../../api/readAgain";
import type { Device } from "../../../live/standing";
import { useLiveRead } from "../../../live/useLiveRead";
import { useSoon } from "../../../live/useSoon";
import { Section } from "../../../parts/Page";
import { WorkloadTable } from "../../../parts/WorkloadTable";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { useDock } from "../sessions/dock";
import { Assignments } from "./Assignments";

/** What this device shall run, and what it says of it. */
export function Applications({ device }: { device: Device }) {
  const text = useText();
  const queries = useQueryClient();
  const found = useWorkloadsOn(device.id);
  const again = () => void readAgain(queries, workloadsOn(device.id));
  useLiveRead(
    { deviceIds: [device.id], types: ["workload_status"] },
    { onEvent: useSoon(again), read: again },
  );
  return (
    <Stack gap="md">
      <Assignments device={device} workloads={found.data ?? []} reading={found} />
      <Section title={text.applications.services} flush>
        <WorkloadTable
          rows={found.data ?? []}
          reading={found}
          by="application"
          empty={text.applications.noServices}
          more={workload => <Openers device={device} workload={workload} />}
        />
      </Section>
    </Stack>
  );
}

function Openers({ device, workload }: { device: Device; workload: Workload }) {
  const words = useText().applications;
  const may = useMay();
  const dock = useDock();
  const name = `${workload.application}/${workload.service}`;
  const open = useChange(
    async (kind: "logs" | "exec") => ({
      what: kind === "logs" ? ("log" as const) : ("terminal" as const),
      path: await openByteSession(
        device.id,
        kind,
        kind === "logs"
          ? { workload: name, follow: true }
          : { workload: name, command: ["sh"], tty: true },
      ),
      title: name,
    }),
    { stale: [[BYTE_SESSIONS, device.id]], onDone: dock },
  );
  return (
    <>
      {may("sessions/logs:create", { device }) && (
        <Button size="compact-xs" variant="default" onClick={() => open.mutate("logs")}>
          {words.logs}
        </Button>
      )}{" "}
      {may("sessions/exec:create", { device }) && (
        <Button size="compact-xs" variant="default" onClick={() => open.mutate("exec")}>
          {words.shell}
        </Button>
      )}
    </>
  );
}
