import { Button, NumberInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { Confirm } from "../../parts/Confirm";
import { Actions, Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { changeSettings, type OrgSettings, type Retention, SETTINGS } from "./data";
import { Overridden } from "./Enrollment";
import {
  changed,
  FIELDS,
  inHours,
  least,
  lessened,
  most,
  type Typed,
  variableOf,
} from "./retention";
import classes from "./settings.module.css";

export function RetentionForm({ settings }: { settings: OrgSettings }) {
  const text = useText();
  const words = text.settings.retention;
  const changes = useMay()("settings:update");
  const now = settings.retention;
  const [typed, setTyped] = useState<Typed>({});
  const [asking, setAsking] = useState(false);
  const wanted = changed(now, typed);
  const fewer = wanted === null ? [] : lessened(now, wanted);
  const change = useChange((retention: Partial<Retention>) => changeSettings({ retention }), {
    stale: [SETTINGS],
    done: text.settings.saved,
    onDone: () => {
      setTyped({});
      setAsking(false);
    },
  });
  const save = () => wanted !== null && change.mutate(wanted);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (fewer.length > 0) setAsking(true);
    else save();
  };
  const unit = (field: (typeof FIELDS)[number]) => (inHours(field) ? words.hours : words.days);
  return (
    <Section title={words.title}>
      <form onSubmit={submit} className={classes.stack}>
        <Hint>{words.hint}</Hint>
        <div className={classes.fields}>
          {FIELDS.map(field => {
            const overridden = settings.overridden.includes(`retention.${field}`);
            return (
              <div key={field}>
                <NumberInput
                  label={words.fields[field]}
                  min={least(field)}
                  max={most(field)}
                  allowDecimal={false}
                  clampBehavior="none"
                  suffix={` ${unit(field)}`}
                  disabled={!changes || overridden}
                  value={typed[field] ?? now[field]}
                  onChange={value => setTyped({ ...typed, [field]: value })}
                />
                {overridden && <Overridden variable={variableOf(field)} />}
              </div>
            );
          })}
        </div>
        {changes && (
          <Actions>
            <Button
              type="submit"
              disabled={wanted === null || Object.keys(wanted).length === 0}
              loading={change.isPending}
            >
              {words.save}
            </Button>
          </Actions>
        )}
      </form>
      {asking && wanted !== null && (
        <Confirm
          title={words.lessTitle}
          act={words.lessAct}
          busy={change.isPending}
          onConfirm={save}
          onClose={() => setAsking(false)}
        >
          {words.lessHint}
          <ul className={classes.points}>
            {fewer.map(field => (
              <li key={field}>
                {words.less(words.fields[field], now[field], wanted[field] ?? 0, unit(field))}
              </li>
            ))}
          </ul>
        </Confirm>
      )}
    </Section>
  );
}
