import { Button, Modal, Select, Stack, Switch } from "@mantine/core";
import { type FormEvent, useState } from "react";
import {
  type Application,
  assign,
  useEveryApplication,
  WORKLOADS,
  workloadsOn,
} from "../../../api/applications";
import { useChange } from "../../../api/change";
import type { Device } from "../../../live/standing";
import { Actions, Hint } from "../../../parts/Label";
import { ProblemLine } from "../../../parts/ProblemLine";
import { useRevisionOptions } from "../../../parts/revisions";
import { useText } from "../../../text";
import type { Assigned } from "./assigned";

type Props = {
  device: Device;
  /** What it has; absent: another application. */
  assigned?: Assigned;
  onClose: () => void;
};

/** Gives an application to a device by hand, or another revision of one that it has. */
export function AssignDialog({ device, assigned, onClose }: Props) {
  const text = useText();
  const words = text.applications;
  const applications = useEveryApplication();
  const [name, setName] = useState(assigned?.application ?? null);
  const [choice, setChoice] = useState(assigned?.revision ?? null);
  const [pinned, setPinned] = useState(assigned?.pinned ?? false);
  const application = applications.data?.find(one => one.name === name);
  const revision = choice ?? application?.current ?? null;
  const change = useChange(async () => name && assign(device.id, name, { revision, pinned }), {
    stale: [WORKLOADS, workloadsOn(device.id)],
    done: words.assignedTo(name ?? "", device.name),
    quiet: true,
    onDone: onClose,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={assigned ? words.changeTitleHere(assigned.application) : words.assignTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Hint>{words.assignHint}</Hint>
          {applications.isError && <ProblemLine error={applications.error} />}
          {assigned === undefined && (
            <Select
              label={words.application}
              placeholder={words.chooseApplication}
              data-autofocus
              openOnFocus={false}
              searchable
              value={name}
              onChange={next => {
                setName(next);
                setChoice(null);
              }}
              data={(applications.data ?? []).map(one => one.name)}
            />
          )}
          {application && (
            <RevisionSelect application={application} value={revision} onChange={setChoice} />
          )}
          <Switch
            label={words.pin}
            description={words.pinHint}
            checked={pinned}
            onChange={event => setPinned(event.currentTarget.checked)}
          />
          {change.isError && <ProblemLine error={change.error} />}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={name === null || revision === null}
              loading={change.isPending}
            >
              {assigned ? text.common.save : words.assignDo}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

type RevisionProps = {
  application: Application;
  value: string | null;
  onChange: (revision: string | null) => void;
};

function RevisionSelect({ application, value, onChange }: RevisionProps) {
  const words = useText().applications;
  const revisions = useRevisionOptions(application);
  return (
    <>
      <Select
        label={words.revision}
        placeholder={words.chooseRevision}
        openOnFocus={false}
        allowDeselect={false}
        value={value}
        onChange={onChange}
        data={revisions.options}
      />
      {revisions.isError && <ProblemLine error={revisions.error} />}
    </>
  );
}
