import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { titleOf } from "../../api/commands/specs";
import {
  deleteSchedule,
  runSchedule,
  SCHEDULES,
  type Schedule,
  useSchedules,
} from "../../api/schedules";
import { Confirm } from "../../parts/Confirm";
import { Empty } from "../../parts/Empty";
import { PlusIcon, ScheduleIcon, TrashIcon } from "../../parts/icons";
import { Hint, Label } from "../../parts/Label";
import { Page } from "../../parts/Page";
import { TimeText } from "../../parts/TimeText";
import type { Column } from "../../parts/table/columns";
import { DataTable } from "../../parts/table/DataTable";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { ScheduleDialog } from "./ScheduleDialog";
import { ScheduleRuns } from "./ScheduleRuns";
import { doesOf, whenOf } from "./scheduleForm";

const TONES = { ACTIVE: "ok", SUSPENDED: "warn", ENDED: undefined } as const;

/** What is done at times of the calendar. */
export function SchedulesPage() {
  const text = useText();
  const words = text.schedules;
  const may = useMay();
  const schedules = useSchedules();
  const [adding, setAdding] = useState(false);
  const [looking, setLooking] = useState<Schedule>();
  const [leaving, setLeaving] = useState<Schedule>();
  const columns: Column<Schedule>[] = [
    { key: "name", title: words.name, cell: ({ name }) => <strong>{name}</strong> },
    { key: "does", title: words.does, cell: row => doesOf(row, words, titleOf) },
    { key: "when", title: words.when, className: "mono", cell: row => whenOf(row, words) },
    {
      key: "next",
      title: words.next,
      cell: ({ nextRuns: [next] }) => next !== undefined && <TimeText at={next} full />,
    },
    { key: "owner", title: words.owner, cell: ({ owner }) => owner },
    {
      key: "state",
      title: words.state,
      cell: ({ status, reason }) => (
        <Label tone={TONES[status]}>
          {reason === null ? words.states[status] : words.reasons[reason]}
        </Label>
      ),
    },
    {
      key: "act",
      title: "",
      right: true,
      cell: row => <Acts schedule={row} onRuns={setLooking} onDelete={setLeaving} />,
    },
  ];
  return (
    <Page
      title={text.shell.pages.schedules}
      actions={
        may("schedules:create") && (
          <Button leftSection={<PlusIcon size={14} />} onClick={() => setAdding(true)}>
            {words.add}
          </Button>
        )
      }
    >
      <Hint>{words.hint}</Hint>
      <DataTable
        label={text.shell.pages.schedules}
        columns={columns}
        rows={schedules.data ?? []}
        keyOf={({ id }) => id}
        marks={({ id }) => ({ "data-schedule": id })}
        least={760}
        reading={schedules}
        empty={
          <Empty icon={ScheduleIcon} title={words.none}>
            <p>{words.noneHint}</p>
          </Empty>
        }
      />
      {adding && <ScheduleDialog onClose={() => setAdding(false)} />}
      {looking && <ScheduleRuns schedule={looking} onClose={() => setLooking(undefined)} />}
      {leaving && <Leave schedule={leaving} onClose={() => setLeaving(undefined)} />}
    </Page>
  );
}

type ActsProps = {
  schedule: Schedule;
  onRuns: (schedule: Schedule) => void;
  onDelete: (schedule: Schedule) => void;
};

function Acts({ schedule, onRuns, onDelete }: ActsProps) {
  const words = useText().schedules;
  const may = useMay();
  const { id, name, status, reason } = schedule;
  const run = useChange(() => runSchedule(id), { stale: [SCHEDULES], done: words.begun(name) });
  const runs = status !== "ENDED" && reason !== "owner_lacks_right";
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => onRuns(schedule)}>
        {words.runs}
      </Button>{" "}
      {may("schedules:update") && runs && (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={words.runOf(name)}
          loading={run.isPending}
          onClick={() => run.mutate(undefined)}
        >
          {words.runNow}
        </Button>
      )}{" "}
      {may("schedules:delete") && (
        <ActionIcon aria-label={words.deleteOf(name)} onClick={() => onDelete(schedule)}>
          <TrashIcon />
        </ActionIcon>
      )}
    </>
  );
}

function Leave({ schedule, onClose }: { schedule: Schedule; onClose: () => void }) {
  const words = useText().schedules;
  const change = useChange(() => deleteSchedule(schedule.id), {
    stale: [SCHEDULES],
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.deleteTitle(schedule.name)}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}
