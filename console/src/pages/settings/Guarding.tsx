import { Button, MultiSelect, NumberInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { APPROVALS, isAwaiting } from "../../api/approvals";
import { useChange } from "../../api/change";
import { useCommandSpecs } from "../../api/commands/requests";
import { titleOf } from "../../api/commands/specs";
import { Actions, Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { changeSettings, type OrgSettings, SETTINGS } from "./data";
import { COMMANDS, capOf, type Guards, guardsOf, isSame } from "./guards";
import classes from "./settings.module.css";

/** What nobody does alone: commands to approve, and caps on dangerous ones. */
export function Guarding({ settings }: { settings: OrgSettings }) {
  // What somebody else has changed meanwhile is shown in fields of its own: a number field keeps
  // parts of what stood in it before.
  return <Form key={JSON.stringify(guardsOf(settings))} settings={settings} />;
}

function Form({ settings }: { settings: OrgSettings }) {
  const text = useText();
  const words = text.settings.guarding;
  const changes = useMay()("settings:update");
  const specs = useCommandSpecs();
  const queries = useQueryClient();
  const now = guardsOf(settings);
  const [typed, setTyped] = useState<Partial<Guards>>({});
  const wanted = { ...now, ...typed };
  const change = useChange(changeSettings, {
    stale: [SETTINGS, APPROVALS],
    onDone: answer => {
      setTyped({});
      if (!isAwaiting(answer)) queries.setQueryData(SETTINGS, answer);
      notifications.show({ message: isAwaiting(answer) ? words.waits : text.settings.saved });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate({
      approvals: { resources: wanted.resources, over: Number(wanted.over) },
      blastRadius: { perCall: capOf(wanted.perCall), perHour: capOf(wanted.perHour) },
    });
  };
  const types = specs.data?.map(({ type }) => `${COMMANDS}${type}`) ?? [];
  const known = [...new Set([`${COMMANDS}*`, ...types, ...wanted.resources])];
  const disabled = !changes || change.isPending;
  const number = { min: 0, allowDecimal: false, disabled };
  return (
    <Section title={words.title}>
      <form onSubmit={submit} className={classes.stack}>
        <Hint>{words.hint}</Hint>
        <MultiSelect
          label={words.resources}
          placeholder={wanted.resources.length === 0 ? words.nobody : ""}
          searchable
          disabled={disabled}
          value={wanted.resources}
          onChange={resources => setTyped({ ...typed, resources })}
          data={known.map(value => {
            const type = value.slice(COMMANDS.length);
            return { value, label: type === "*" ? words.each : titleOf(type) };
          })}
        />
        <div className={classes.fields}>
          <NumberInput
            {...number}
            label={words.over}
            value={wanted.over}
            onChange={over => setTyped({ ...typed, over })}
          />
        </div>
        <strong>{words.caps}</strong>
        <div className={classes.fields}>
          <NumberInput
            {...number}
            label={words.perCall}
            placeholder={words.noCap}
            value={wanted.perCall}
            onChange={perCall => setTyped({ ...typed, perCall })}
          />
          <NumberInput
            {...number}
            label={words.perHour}
            placeholder={words.noCap}
            value={wanted.perHour}
            onChange={perHour => setTyped({ ...typed, perHour })}
          />
        </div>
        {changes && (
          <Actions>
            <Button type="submit" disabled={isSame(now, wanted)} loading={change.isPending}>
              {words.save}
            </Button>
          </Actions>
        )}
      </form>
    </Section>
  );
}
