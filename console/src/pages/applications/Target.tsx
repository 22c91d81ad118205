import { Button, Stack, Switch, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { APPLICATIONS, type Application, changeApplication } from "../../api/applications";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { Section } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";

/** Which devices get the application by themselves, and what becomes of those that match no more. */
export function Target({ application }: { application: Application }) {
  const text = useText();
  const words = text.applications;
  const may = useMay();
  const [typed, setTyped] = useState(application.target ?? "");
  const [removes, setRemoves] = useState(application.removeWhenUnmatched);
  const target = typed.trim() || null;
  const changed = {
    ...(target !== application.target ? { target } : {}),
    ...(removes !== application.removeWhenUnmatched ? { removeWhenUnmatched: removes } : {}),
  };
  const change = useChange(() => changeApplication(application.name, changed), {
    stale: [APPLICATIONS],
    done: words.targetSaved,
    quiet: true,
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const changes = may("applications:update", { name: application.name });
  return (
    <Section title={words.target}>
      <form onSubmit={submit}>
        <Stack gap="sm" align="flex-start">
          <TextInput
            w="100%"
            aria-label={words.target}
            description={words.targetHint}
            placeholder={words.noTarget}
            spellCheck={false}
            readOnly={!changes}
            value={typed}
            error={change.isError && problemText(change.error, text)}
            onChange={event => setTyped(event.currentTarget.value)}
          />
          <Switch
            label={words.removes}
            description={words.removesHint}
            disabled={!changes}
            checked={removes}
            onChange={event => setRemoves(event.currentTarget.checked)}
          />
          {changes && (
            <Button
              type="submit"
              variant="default"
              disabled={Object.keys(changed).length === 0}
              loading={change.isPending}
            >
              {words.saveTarget}
            </Button>
          )}
        </Stack>
      </form>
    </Section>
  );
}
