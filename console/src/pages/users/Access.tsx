import { Button, Select, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { askAccess, type Binding, type Permission, useCatalogue } from "../../api/rights";
import { useDeviceOptions } from "../../parts/deviceOptions";
import { Hint, Label } from "../../parts/Label";
import { roleName, subjectName, useScopeText, useSubjects } from "../../parts/names";
import { Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import classes from "./users.module.css";

type Props = { userId: string; username: string };

/** Whether a member may do something, and by which roles. */
export function Access({ userId, username }: Props) {
  const text = useText();
  const words = text.users.access;
  const catalogue = useCatalogue();
  const devices = useDeviceOptions();
  const [right, setRight] = useState<string | null>(null);
  const [deviceId, setDeviceId] = useState<string | null>(null);
  const [name, setName] = useState("");
  const ask = useChange(
    (wanted: string) => askAccess(userId, { right: wanted, deviceId, name: name.trim() || null }),
    { quiet: true },
  );
  const named = catalogue.data?.find(({ resource }) => right?.startsWith(`${resource}:`))?.names;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (right !== null) ask.mutate(right);
  };
  const choose = (set: (value: string | null) => void) => (value: string | null) => {
    ask.reset();
    set(value);
  };
  return (
    <Section title={words.title}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Hint>{words.hint(username)}</Hint>
          <div className={classes.fields}>
            <Select
              label={words.right}
              searchable
              limit={100}
              value={right}
              data={rightsOf(catalogue.data ?? [])}
              onChange={choose(setRight)}
            />
            <Select
              label={words.device}
              placeholder={words.anyDevice}
              searchable
              clearable
              limit={100}
              value={deviceId}
              data={devices}
              onChange={choose(setDeviceId)}
            />
            {named && (
              <TextInput
                label={words.named(named)}
                maxLength={128}
                value={name}
                onChange={event => {
                  ask.reset();
                  setName(event.currentTarget.value);
                }}
              />
            )}
            <Button type="submit" disabled={right === null} loading={ask.isPending}>
              {words.ask}
            </Button>
          </div>
          {ask.isError && <ProblemLine error={new Error(problemText(ask.error, text))} />}
          {ask.data && <Answer allowed={ask.data.allowed} because={ask.data.because} />}
        </Stack>
      </form>
    </Section>
  );
}

const rightsOf = (catalogue: readonly Permission[]) =>
  catalogue.map(({ resource, verbs }) => ({
    group: resource,
    items: verbs.map(verb => ({ value: `${resource}:${verb}`, label: `${resource} ${verb}` })),
  }));

function Answer({ allowed, because }: { allowed: boolean; because: readonly Binding[] }) {
  const text = useText();
  const words = text.users.access;
  const subjects = useSubjects();
  const scopeText = useScopeText();
  return (
    <div role="status" data-access={allowed ? "yes" : "no"}>
      <Label tone={allowed ? "ok" : "bad"}>{allowed ? words.yes : words.no}</Label>
      <ul className={classes.because}>
        {because.map(({ id, role, subject, scope }) => (
          <li key={id}>
            {words.by(
              roleName(role, text),
              text.users.bindings.kinds[subject.kind],
              subjectName(subject, subjects),
              scopeText(scope),
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
