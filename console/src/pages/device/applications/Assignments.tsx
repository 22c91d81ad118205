import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Workload } from "../../../api/applications";
import type { Device } from "../../../live/standing";
import { PlusIcon } from "../../../parts/icons";
import { Hint, Label } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { shortOf } from "../../../parts/revisions";
import type { Column, Reading } from "../../../parts/table/columns";
import { DataTable } from "../../../parts/table/DataTable";
import { useMay } from "../../../session/access";
import { useText } from "../../../text";
import { AssignDialog } from "./AssignDialog";
import { type Assigned, assignedOf } from "./assigned";
import { RemoveDialog } from "./RemoveDialog";

type Props = {
  device: Device;
  workloads: readonly Workload[];
  reading: Reading;
};

/** Which applications the device shall run, and which revision of each. */
export function Assignments({ device, workloads, reading }: Props) {
  const words = useText().applications;
  const may = useMay();
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<Assigned>();
  const [leaving, setLeaving] = useState<Assigned>();
  const changes = may("workloads:update", { device });
  const columns: Column<Assigned>[] = [
    {
      key: "application",
      title: words.application,
      cell: ({ application }) => (
        <Link to="/applications/$name" params={{ name: application }}>
          {application}
        </Link>
      ),
    },
    {
      key: "revision",
      title: words.revision,
      className: "mono",
      cell: ({ revision }) => revision && shortOf(revision),
    },
    {
      key: "marks",
      title: "",
      cell: ({ pinned, orphaned }) => (
        <>
          {pinned && <Label>{words.isPinned}</Label>}{" "}
          {orphaned && <Label tone="warn">{words.orphaned}</Label>}
        </>
      ),
    },
    {
      key: "act",
      title: "",
      right: true,
      cell: assigned =>
        changes && (
          <>
            <Button size="compact-xs" variant="default" onClick={() => setChanging(assigned)}>
              {words.changeHere}
            </Button>{" "}
            <Button size="compact-xs" variant="default" onClick={() => setLeaving(assigned)}>
              {words.remove}
            </Button>
          </>
        ),
    },
  ];
  return (
    <Section
      title={words.assigned}
      actions={
        changes &&
        may("applications:list") && (
          <Button
            variant="default"
            leftSection={<PlusIcon size={14} />}
            onClick={() => setAdding(true)}
          >
            {words.assign}
          </Button>
        )
      }
      flush
    >
      <DataTable
        bare
        label={words.assigned}
        columns={columns}
        rows={assignedOf(workloads)}
        keyOf={({ application }) => application}
        marks={({ application }) => ({ "data-assigned": application })}
        least={480}
        place={40}
        reading={reading}
        empty={<Hint>{words.noneHere}</Hint>}
      />
      {adding && <AssignDialog device={device} onClose={() => setAdding(false)} />}
      {changing && (
        <AssignDialog device={device} assigned={changing} onClose={() => setChanging(undefined)} />
      )}
      {leaving && (
        <RemoveDialog device={device} assigned={leaving} onClose={() => setLeaving(undefined)} />
      )}
    </Section>
  );
}
