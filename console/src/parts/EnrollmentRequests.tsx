import { Button, Group } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../api/change";
import {
  approve,
  type EnrollmentRequest,
  REQUESTS,
  reject,
  useEnrollmentRequests,
} from "../api/enrollment";
import { useMay } from "../session/access";
import { useText } from "../text";
import { Confirm } from "./Confirm";
import { Hint } from "./Label";
import { TimeText } from "./TimeText";
import type { Column } from "./table/columns";
import { DataTable } from "./table/DataTable";

type Props = {
  /** Only those that came by this enrolment token. */
  token?: string;
};

/** Devices that wait for an administrator, who compares the fingerprint with the one on the box. */
export function EnrollmentRequests({ token }: Props) {
  const words = useText().enrollment;
  const may = useMay();
  const requests = useEnrollmentRequests();
  const [rejecting, setRejecting] = useState<EnrollmentRequest>();
  const letIn = useChange(approve, { stale: [REQUESTS], done: words.approved });
  const keepOut = useChange(reject, {
    stale: [REQUESTS],
    onDone: () => setRejecting(undefined),
  });
  const rows = (requests.data ?? []).filter(
    row => token === undefined || row.enrollmentToken === token,
  );
  const columns: Column<EnrollmentRequest>[] = [
    { key: "device", title: words.device, cell: row => row.deviceId },
    {
      key: "fingerprint",
      title: words.fingerprint,
      cell: row => <code>{row.fingerprint}</code>,
    },
    { key: "address", title: words.address, cell: row => row.address },
    { key: "at", title: words.asked, cell: row => <TimeText at={row.requestedAt} /> },
    {
      key: "decide",
      title: "",
      right: true,
      cell: row =>
        may("enrollment-tokens:update") && (
          <Group gap="xs" justify="flex-end" wrap="nowrap">
            <Button
              size="compact-sm"
              loading={letIn.isPending && letIn.variables === row}
              onClick={() => letIn.mutate(row)}
            >
              {words.approve}
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setRejecting(row)}>
              {words.reject}
            </Button>
          </Group>
        ),
    },
  ];
  if (rows.length === 0 && !requests.isError) return null;
  return (
    <>
      <Hint>{words.compare}</Hint>
      <DataTable
        label={words.requests}
        columns={columns}
        rows={rows}
        keyOf={row => `${row.deviceId} ${row.fingerprint}`}
        marks={row => ({ "data-request": row.deviceId })}
        reading={requests}
        bare
      />
      {rejecting && (
        <Confirm
          title={words.rejectTitle(rejecting.deviceId)}
          act={words.reject}
          busy={keepOut.isPending}
          onConfirm={() => keepOut.mutate(rejecting)}
          onClose={() => setRejecting(undefined)}
        >
          {words.rejectHint}
        </Confirm>
      )}
    </>
  );
}
