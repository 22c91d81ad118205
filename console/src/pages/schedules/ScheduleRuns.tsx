import { Modal } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type Schedule, type ScheduleRun, useRuns } from "../../api/schedules";
import { Hint, Label } from "../../parts/Label";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useText } from "../../text";
import { totalOf } from "./scheduleForm";

const TONES: Partial<Record<ScheduleRun["status"], "ok" | "warn" | "bad">> = {
  DONE: "ok",
  PARTLY: "warn",
  FAILED: "bad",
  MISSED: "warn",
};

/** The newest runs of a schedule, with the way to what they sent. */
export function ScheduleRuns({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const text = useText();
  const words = text.schedules;
  const runs = useRuns(schedule.id);
  const columns: Column<ScheduleRun>[] = [
    { key: "due", title: words.due, cell: ({ due }) => <TimeText at={due} full /> },
    {
      key: "outcome",
      title: words.outcome,
      cell: ({ status }) => <Label tone={TONES[status]}>{words.statuses[status]}</Label>,
    },
    { key: "what", title: "", cell: run => <What run={run} /> },
    { key: "to", title: "", right: true, cell: run => <Way run={run} /> },
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={words.runsOf(schedule.name)}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <DataTable
        bare
        label={words.runsOf(schedule.name)}
        columns={columns}
        rows={runs.data ?? []}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-run": id })}
        reading={runs}
        empty={<Hint>{words.noRuns}</Hint>}
      />
    </Modal>
  );
}

function What({ run }: { run: ScheduleRun }) {
  const words = useText().schedules;
  const total = totalOf(run);
  const told = [
    total > 0 && words.counts(run.counts.success, total),
    run.standsFor !== null && words.standsFor(run.standsFor),
    run.error?.message,
  ];
  return <>{told.filter(Boolean).join(" · ")}</>;
}

function Way({ run }: { run: ScheduleRun }) {
  const words = useText().schedules;
  if (run.approvalId !== undefined && run.status === "RUNNING" && totalOf(run) === 0) {
    return (
      <Link to="/approvals" search={{ id: run.approvalId }}>
        {words.toApproval}
      </Link>
    );
  }
  if (run.campaignId !== null) {
    return (
      <Link to="/campaigns/$campaignId" params={{ campaignId: run.campaignId }}>
        {words.toCampaign}
      </Link>
    );
  }
  if (run.batchId === null) return null;
  return (
    <Link to="/commands" search={{ batch: run.batchId }}>
      {words.toCommands}
    </Link>
  );
}
