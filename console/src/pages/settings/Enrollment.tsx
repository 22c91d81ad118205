import { Button, Modal, Select, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { Confirm } from "../../parts/Confirm";
import { EnrollmentLines } from "../../parts/EnrollmentLines";
import { KeyIcon } from "../../parts/icons";
import { Actions, Hint, Label } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { Secret } from "../../parts/Secret";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { changeSettings, newEnrollmentKey, type OrgSettings, SETTINGS } from "./data";
import classes from "./settings.module.css";

const REENROLL = ["offline", "always", "never"] as const;

export function Enrollment({ settings }: { settings: OrgSettings }) {
  const text = useText();
  const words = text.settings.enrollment;
  const may = useMay();
  const changes = may("settings:update");
  const overridden = settings.overridden.includes("autoEnroll");
  const change = useChange(changeSettings, { stale: [SETTINGS], done: text.settings.saved });
  const { reenroll } = settings;
  const [renewing, setRenewing] = useState(false);
  return (
    <Section title={words.title}>
      <div className={classes.setting}>
        <div>
          <strong>{words.auto}</strong>
          <Hint>{words.autoHint}</Hint>
          {overridden && <Overridden variable="LONGLINE_AUTO_ENROLL" />}
        </div>
        <Switch
          aria-label={words.auto}
          checked={settings.autoEnroll}
          disabled={!changes || overridden || change.isPending}
          onChange={event => change.mutate({ autoEnroll: event.currentTarget.checked })}
        />
      </div>
      <div className={classes.setting}>
        <div>
          <strong>{words.again}</strong>
          <Hint>{words.againHints[reenroll]}</Hint>
        </div>
        <Select
          aria-label={words.again}
          allowDeselect={false}
          w={190}
          value={reenroll}
          disabled={!changes || change.isPending}
          data={REENROLL.map(value => ({ value, label: words.againChoices[value] }))}
          onChange={value => {
            const chosen = REENROLL.find(one => one === value);
            if (chosen && chosen !== reenroll) change.mutate({ reenroll: chosen });
          }}
        />
      </div>
      {may("enrollment-keys:create") && (
        <div className={classes.setting}>
          <div>
            <strong>{words.key}</strong>
            <Hint>{words.keyHint}</Hint>
          </div>
          <Button
            variant="default"
            leftSection={<KeyIcon size={14} />}
            onClick={() => setRenewing(true)}
          >
            {words.renew}
          </Button>
        </div>
      )}
      {renewing && <NewKey onClose={() => setRenewing(false)} />}
    </Section>
  );
}

/** Beside what a variable decides. */
export function Overridden({ variable }: { variable: string }) {
  const text = useText().settings;
  return (
    <span title={text.overriddenHint(variable)}>
      <Label tone="warn">{text.overridden}</Label> <code className={classes.code}>{variable}</code>
    </span>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const text = useText();
  const words = text.settings.enrollment;
  const change = useChange(newEnrollmentKey);
  const key = change.data?.enrollmentKey;
  if (key === undefined) {
    return (
      <Confirm
        title={words.renewTitle}
        act={words.renewAct}
        busy={change.isPending}
        onConfirm={() => change.mutate(undefined)}
        onClose={onClose}
      >
        {words.renewHint}
      </Confirm>
    );
  }
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={words.newKey}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="sm">
        <Secret label={words.newKey} value={key} />
        <EnrollmentLines secret={key} />
        <Actions>
          <Button onClick={onClose}>{words.done}</Button>
        </Actions>
      </Stack>
    </Modal>
  );
}
